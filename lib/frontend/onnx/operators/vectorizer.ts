import { add, cast, emit, equal, minimum, multiply, range, reduce, reshape } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'

/** The sequences of one length that are counted, and the places of their counts in the result. */
interface Grams {
  readonly length: number
  /** [count, length] */
  readonly pool: readonly number[]
  readonly places: readonly number[]
}

/** The pool holds all sequences of length 1, then those of length 2, and so on; `ngram_counts` says where each length begins. */
function readGrams(node: OnnxNode): Grams[] {
  const { attrs } = node
  const [shortest, longest] = [attrs.int('min_gram_length'), attrs.int('max_gram_length')]
  const pool = attrs.ints('pool_int64s')
  const begins = attrs.ints('ngram_counts')
  const places = attrs.ints('ngram_indexes')
  let before = 0
  return begins.flatMap((begin, i) => {
    const length = i + 1
    const elements = pool.slice(begin, begins[i + 1] ?? pool.length)
    const count = elements.length / length
    if (!Number.isInteger(count)) node.invalid(`ngram_counts [${begins}] does not fit the pool`)
    const own = places.slice(before, before + count)
    before += count
    return count > 0 && length >= shortest && length <= longest
      ? [{ length, pool: elements, places: own }]
      : []
  })
}

/** How often each sequence stands in each row of `x` [rows, columns], its elements `distance` apart: [rows, count]. */
function count(x: Value, { length, pool, places }: Grams, distance: number): Value | undefined {
  const [rows = 0, columns = 0] = x.shape
  const starts = columns - (length - 1) * distance
  if (starts <= 0) return undefined
  const at = range(starts).flatMap((start) => range(length).map((i) => start + i * distance))
  const windows = emit('take', [x, numbers(at, 'int64')], { axis: 1, mode: 'fast' })
  const each = reshape(windows, [rows, starts, 1, length])
  const same = equal(each, numbers(pool, x.dtype, [1, 1, places.length, length]))
  return reduce('sum', cast(reduce('all', same, [3]), 'float32'), [1])
}

operator('TfIdfVectorizer', {
  since: 9,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    if (attrs.has('pool_strings')) node.unsupported('text is not supported')
    if (x.rank < 1 || x.rank > 2) node.invalid(`an input of ${x.rank} dimensions`)
    const mode = attrs.string('mode')
    const places = attrs.ints('ngram_indexes')
    const width = Math.max(...places, -1) + 1
    const rows = x.rank === 2 ? x : reshape(x, [1, ...x.shape])
    let counts: Value | undefined
    for (const grams of readGrams(node)) {
      // Elements of a sequence of one have no distance.
      const skips = grams.length === 1 ? 0 : attrs.int('max_skip_count')
      for (const skip of range(skips + 1)) {
        const found = count(rows, grams, skip + 1)
        if (!found) continue
        const ones = range(width).flatMap((column) => grams.places.map((place) => Number(place === column)))
        const columns = numbers(ones, 'float32', [width, grams.places.length])
        const placed = emit('nn.dense', [found, columns], { units: width, out_dtype: 'float32' })
        counts = counts ? add(counts, placed) : placed
      }
    }
    const shape = x.rank === 2 ? [x.shape[0] as number, width] : [width]
    if (!counts) return emit('zeros', [], { shape, dtype: 'float32' })
    const weights = attrs.has('weights') ? weightsByPlace(attrs.floats('weights'), places, width) : undefined
    const weighted = (value: Value) => (weights ? multiply(value, weights) : value)
    if (mode === 'TF') return reshape(counts, shape)
    if (mode === 'IDF') return reshape(weighted(minimum(counts, scalar(1, 'float32'))), shape)
    if (mode === 'TFIDF') return reshape(weighted(counts), shape)
    return node.invalid(`there is no mode '${mode}'`)
  },
})

function weightsByPlace(weights: readonly number[], places: readonly number[], width: number): Value {
  const sorted = new Array<number>(width).fill(1)
  for (const [i, place] of places.entries()) sorted[place] = weights[i] ?? 1
  return numbers(sorted, 'float32', [1, width])
}
