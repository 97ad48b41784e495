import { tensor } from '#lib/tensor.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const int = (value: number) => tensor(BigInt64Array.of(BigInt(value)), [])
const number = (value: number) => tensor(Float32Array.of(value), [])
const sums = { rtol: 1e-3, atol: 2e-4 }

const windows: Case[] = ['HannWindow', 'HammingWindow', 'BlackmanWindow'].flatMap((op) =>
  [0, 1].map((periodic) => ({ op, opsets: [17], feeds: {}, stored: { size: int(11) }, attrs: { periodic } })),
)

describeFamilies({
  windows,
  MelWeightMatrix: [
    {
      op: 'MelWeightMatrix',
      opsets: [17],
      feeds: {},
      stored: { bands: int(8), length: int(64), rate: int(8192), low: number(0), high: number(4096) },
    },
  ],
  DFT: [
    { op: 'DFT', opsets: [17], feeds: { x: random([2, 12, 1]) }, attrs: { onesided: 1 }, tolerance: sums },
    { op: 'DFT', opsets: [17], feeds: { x: random([2, 7, 2]) }, attrs: { inverse: 1 }, tolerance: sums },
    {
      op: 'DFT',
      opsets: [17],
      feeds: { x: random([2, 6, 5, 1]) },
      stored: { length: int(9) },
      attrs: { axis: 2 },
      tolerance: sums,
    },
    {
      op: 'DFT',
      opsets: [20],
      feeds: { x: random([3, 10, 4, 2]) },
      stored: { length: int(8), axis: int(1) },
      tolerance: sums,
    },
  ],
  STFT: [
    {
      op: 'STFT',
      opsets: [17],
      feeds: { x: random([2, 40, 1]) },
      stored: { step: int(5), window: random([16], 'float32', 0, 1, 2) },
      tolerance: sums,
    },
    {
      op: 'STFT',
      opsets: [17],
      feeds: { x: random([1, 33, 1]) },
      stored: { step: int(8), length: int(9) },
      order: ['x', 'step', '', 'length'],
      attrs: { onesided: 0 },
      tolerance: sums,
    },
  ],
})
