import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { ConfigEntity } from '#lib/schedule-config/config-entity.js'
import { other, split } from '#lib/schedule-config/knob.js'
import { TrialError } from '#lib/schedule-config/record.js'
import { load } from '#lib/session/load.js'
import { onnxModel } from '../support/onnx-writer.js'
import { hasTool } from '../support/tools.js'
import type { Conv2dCase } from './reference.js'
import { bytes, convolution } from './reference-int8.js'

const same = [1, 1, 1, 1] as const
/** Channels per block of data and of results, columns and lanes of a tile. */
type Tile = readonly [ib: number, ob: number, columns: number, lanes: number]
const cases: [string, Conv2dCase, Tile][] = [
  ['1x1', { data: [1, 32, 5, 7], filters: 48, kernel: [1, 1] }, [32, 48, 7, 2]],
  ['1x1, several blocks', { data: [1, 32, 5, 6], filters: 48, kernel: [1, 1] }, [8, 16, 3, 8]],
  [
    '1x1, stride 2, batch 3',
    { data: [3, 16, 9, 9], filters: 24, kernel: [1, 1], strides: [2, 2] },
    [16, 8, 5, 4],
  ],
  ['3x3, padded', { data: [1, 16, 9, 12], filters: 12, kernel: [3, 3], padding: same }, [8, 6, 4, 3]],
  ['3x3, one row', { data: [1, 4, 3, 10], filters: 5, kernel: [3, 3], strides: [1, 2] }, [4, 5, 4, 1]],
  [
    'dilated',
    { data: [1, 8, 12, 12], filters: 8, kernel: [3, 3], dilation: [2, 3], padding: [2, 3, 2, 3] },
    [4, 8, 6, 8],
  ],
]

test.skipIf(!hasTool('cc')).each(cases)(
  'a convolution of bytes in tiles is exact in generated C: %s (needs cc)',
  async (_name, c, [ib, ob, columns, lanes]) => {
    const { strides = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1] } = c
    const data = bytes('int8', c.data, 7)
    const weight = bytes('int8', [c.filters, c.data[1], ...c.kernel], 11)
    const model = onnxModel({
      opset: 13,
      inputs: { x: { dtype: 'int8', shape: [...c.data] } },
      initializers: { w: weight },
      nodes: [
        {
          op: 'ConvInteger',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attrs: { strides: [...strides], pads: [...padding], dilations: [...dilation] },
        },
      ],
      outputs: ['y'],
    })
    const tensors = [data, weight].map(({ shape }) => ['TENSOR', [...shape], 'int8'] as const)
    const record = {
      target: 'c -keys=cpu ',
      workload: {
        task: 'conv2d_NCHWc_dsp.arm_cpu',
        args: [...tensors, [...strides], [...padding], [...dilation], 'NCHW', 'NCHW', 'int32'],
      },
      config: ConfigEntity.of({
        tile_ic: split(-1, ib),
        tile_oc: split(-1, ob),
        tile_ow: split(-1, columns),
        tile_lanes: other(lanes),
      }).toPlain(),
      costs: [1e-6],
      error: TrialError.NONE,
      elapsed: 0,
      timestamp: 0,
    }
    await using artifact = await compile(model, { target: 'c', records: [record] as never, cache: false })
    expect(artifact.warnings).toEqual([])
    expect(artifact.metadata.schedules).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ implementation: 'conv2d_NCHWc_dsp.arm_cpu', source: 'tuned' }),
      ]),
    )
    await using session = await load(artifact)
    const { y } = await session.run({ x: data })
    expect(y).toEqual(convolution(data, weight, c))
  },
)
