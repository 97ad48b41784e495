import { tensor } from '#lib/tensor.js'
import { float } from '../support/onnx-writer.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const image = random([2, 3, 5, 7])
/** Points within the image and far outside of it. */
const grid = random([2, 4, 6, 2], 'float32', -2.6, 2.6, 3)

const gridSample: Case[] = ['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
  [0, 1].flatMap((align_corners) => [
    ...['bilinear', 'nearest', 'bicubic'].map((mode) => ({
      op: 'GridSample',
      opsets: [16],
      feeds: { x: image, grid },
      attrs: { mode, padding_mode, align_corners },
    })),
    {
      op: 'GridSample',
      opsets: [20],
      feeds: { x: random([1, 2, 3, 4, 5]), grid: random([1, 2, 3, 4, 3], 'float32', -1.5, 1.5, 3) },
      attrs: { mode: 'linear', padding_mode, align_corners },
    },
  ]),
)

const rois = tensor(Float32Array.of(0, 0, 4, 3, 1.5, 1, 6.25, 4.5, -3, -3, 0.5, 9, 2, 2, 2.1, 2.1), [4, 4])
const region = (attrs: Case['attrs'], opsets: readonly number[]): Case => ({
  op: 'RoiAlign',
  opsets,
  feeds: { x: image, rois, batch: ints(0, 1, 1, 0) },
  attrs: { output_height: 3, output_width: 2, sampling_ratio: 2, ...attrs },
})

const blocks = (attrs: NonNullable<Case['attrs']>, columns: number): Case => ({
  op: 'Col2Im',
  opsets: [18],
  feeds: { x: random([2, 3 * 6, columns]) },
  stored: { image: ints(7, 6), block: ints(2, 3) },
  attrs,
})

describeFamilies({
  GridSample: gridSample,
  RoiAlign: [
    region({}, [10, 16]),
    region({ spatial_scale: float(0.5) }, [10, 16]),
    region({ coordinate_transformation_mode: 'output_half_pixel', sampling_ratio: 3 }, [16]),
  ],
  Col2Im: [
    blocks({}, 6 * 4),
    blocks({ pads: [1, 0, 1, 2], strides: [2, 1] }, 4 * 6),
    blocks({ dilations: [2, 2] }, 5 * 2),
  ],
  MaxUnpool: [
    {
      op: 'MaxUnpool',
      opsets: [9, 11],
      feeds: {
        x: random([1, 2, 2, 2]),
        places: tensor(BigInt64Array.of(0n, 3n, 9n, 14n, 16n, 22n, 25n, 31n), [1, 2, 2, 2]),
      },
      attrs: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ],
})
