import { tensor } from '#lib/tensor.js'
import { floats } from '../support/onnx-writer.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'

const x = tensor(Int32Array.of(1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8), [2, 6])
const row = tensor(BigInt64Array.of(5n, 6n, 5n, 6n, 7n, 8n))
const attrs = {
  ngram_counts: [0, 4],
  ngram_indexes: [6, 1, 2, 3, 4, 5, 0],
  pool_int64s: [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
  min_gram_length: 1,
  max_gram_length: 2,
}
const weights = floats(0.5, 2, 3, 0.25, 5, 6, 7)

const cases = ['TF', 'IDF', 'TFIDF'].flatMap((mode): Case[] => [
  { op: 'TfIdfVectorizer', opsets: [9], feeds: { x }, attrs: { ...attrs, mode, max_skip_count: 0 } },
  { op: 'TfIdfVectorizer', opsets: [9], feeds: { x }, attrs: { ...attrs, mode, max_skip_count: 9, weights } },
  {
    op: 'TfIdfVectorizer',
    opsets: [9],
    feeds: { x: row },
    attrs: { ...attrs, mode, max_skip_count: 1, weights },
  },
  // Rows shorter than what is counted.
  {
    op: 'TfIdfVectorizer',
    opsets: [9],
    feeds: { x: tensor(Int32Array.of(5), [1]) },
    attrs: { ...attrs, mode, max_skip_count: 1 },
  },
])

describeFamilies({ 'counts of sequences': cases })
