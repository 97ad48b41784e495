import { tensor } from '#lib/tensor.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const one = (value: number) => tensor(Float32Array.of(value))
const boxes = random([2, 12, 4], 'float32', 0, 1, 4)

const suppression: Case[] = [0, 1].flatMap((center_point_box) =>
  [
    { most: ints(3), overlap: one(0.2) },
    { most: ints(20), overlap: one(0.5), lowest: one(0.4) },
    { most: ints(0) },
  ].map((stored) => ({
    op: 'NonMaxSuppression',
    opsets: [10, 11],
    feeds: {},
    stored: { boxes, scores: random([2, 3, 12], 'float32', 0, 1, 5), ...stored },
    attrs: { center_point_box },
  })),
)

const repeated = random([4, 3, 2], 'float32', 0, 1)
const coarse = { ...repeated, data: (repeated.data as Float32Array).map((value) => Math.round(value)) }

describeFamilies({
  NonMaxSuppression: suppression,
  Compress: [
    {
      op: 'Compress',
      opsets: [9, 11],
      feeds: { x: random([3, 4, 2]) },
      stored: { keep: tensor(Uint8Array.of(0, 1, 1, 0), [4], 'bool') },
      attrs: { axis: -2 },
    },
    {
      op: 'Compress',
      opsets: [9],
      feeds: { x: random([3, 4]) },
      stored: { keep: tensor(Uint8Array.of(1, 0, 0, 0, 1, 1), [6], 'bool') },
    },
  ],
  NonZero: [{ op: 'NonZero', opsets: [9, 13], feeds: {}, stored: { x: coarse } }],
  Unique: [{}, { axis: 1 }, { axis: 0 }, { sorted: 0 }].map((attrs) => ({
    op: 'Unique',
    opsets: [11],
    feeds: {},
    stored: { x: coarse },
    attrs,
    outputs: 4,
  })),
  Det: [
    { op: 'Det', opsets: [11], feeds: { x: random([2, 3, 5, 5]) }, tolerance: { rtol: 1e-3, atol: 1e-4 } },
    { op: 'Det', opsets: [11], feeds: { x: tensor(Float32Array.of(0, 2, 3, 4), [2, 2]) } },
    { op: 'Det', opsets: [11], feeds: { x: tensor(Float32Array.of(0, 2, 0, 4), [2, 2]) } },
  ],
  CenterCropPad: [
    { op: 'CenterCropPad', opsets: [18], feeds: { x: random([7, 4]) }, stored: { shape: ints(4, 9) } },
    {
      op: 'CenterCropPad',
      opsets: [18],
      feeds: { x: random([5, 8, 3]) },
      stored: { shape: ints(8, 3) },
      attrs: { axes: [-3, 1] },
    },
  ],
})
