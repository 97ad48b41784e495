import { beforeAll, expect, test } from 'vitest'
import { importModel } from '#lib/frontend/onnx/import.js'
import { openLibrary } from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import { expectClose, runHere, runReference, type Tensors } from '../support/run-onnx.js'

beforeAll(() => {
  openLibrary()
})

const yes = tensor(Uint8Array.of(1), [], 'bool')
const flag = { dtype: 'bool', shape: [] } as const
const row = { dtype: 'float32', shape: [4] } as const

/** A loop that doubles its value until the value's largest element passes `limit`, and collects the values. */
function doubling(trips: number, condition: 'constant' | 'computed', collect: boolean): ModelDescription {
  const nodes = [
    { op: 'Add', inputs: ['v', 'v'], outputs: ['doubled'] },
    ...(condition === 'constant'
      ? [{ op: 'Identity', inputs: ['going'], outputs: ['next'] }]
      : [
          { op: 'ReduceMax', inputs: ['doubled'], outputs: ['largest'], attrs: { keepdims: 0 } },
          { op: 'Less', inputs: ['largest', 'limit'], outputs: ['next'] },
        ]),
    ...(collect ? [{ op: 'Identity', inputs: ['v'], outputs: ['seen'] }] : []),
  ]
  const body = {
    nodes,
    inputs: { i: { dtype: 'int64', shape: [] } as const, going: flag, v: row },
    outputs: ['next', 'doubled', ...(collect ? ['seen'] : [])],
  }
  return {
    opset: 13,
    inputs: { x: row },
    initializers: {
      trips: tensor(BigInt64Array.of(BigInt(trips)), []),
      start: yes,
      limit: tensor(Float32Array.of(7), []),
    },
    nodes: [
      {
        op: 'Loop',
        inputs: ['trips', 'start', 'x'],
        outputs: ['y', ...(collect ? ['all'] : [])],
        attrs: { body },
      },
    ],
    outputs: ['y', ...(collect ? ['all'] : [])],
  }
}

const feeds: Tensors = { x: tensor(Float32Array.of(0.5, -1, 0.75, 1)) }

async function agrees(description: ModelDescription, given: Tensors) {
  const model = onnxModel(description)
  expectClose(runHere(model, given), await runReference(model, given))
}

test.each([
  [5, 'constant', true],
  [6, 'computed', false],
  [2, 'computed', false],
] as const)(
  'a loop of %i steps whose condition is %s agrees with ONNX Runtime',
  async (trips, condition, collect) => {
    await agrees(doubling(trips, condition, collect), feeds)
  },
)

test('a loop that collects an unknown number of values is refused as dynamic', () => {
  expect(() => importModel(onnxModel(doubling(5, 'computed', true)))).toThrow(/condition is computed/)
})

test('a loop of too many steps is refused', () => {
  expect(() => importModel(onnxModel(doubling(5000, 'constant', false)))).toThrow(/more than 1024 steps/)
})

test.each([
  [0, 0, 0],
  [1, 1, 1],
])(
  'a scan in direction %i with its output in direction %i along axis %i agrees with ONNX Runtime',
  async (input, output, axis) => {
    const body = {
      nodes: [
        { op: 'Add', inputs: ['sum', 'element'], outputs: ['total'] },
        { op: 'Mul', inputs: ['total', 'element'], outputs: ['product'] },
      ],
      inputs: { sum: row, element: row },
      outputs: ['total', 'product'],
    }
    const attrs = {
      body,
      num_scan_inputs: 1,
      scan_input_directions: [input],
      scan_output_directions: [output],
      scan_output_axes: [axis],
    }
    await agrees(
      {
        opset: 11,
        inputs: { start: row, x: { dtype: 'float32', shape: [6, 4] } },
        nodes: [{ op: 'Scan', inputs: ['start', 'x'], outputs: ['last', 'all'], attrs }],
        outputs: ['last', 'all'],
      },
      { start: random([4]), x: random([6, 4]) },
    )
  },
)

test.each([0, 1])('a branch chosen while the model runs (%i) agrees with ONNX Runtime', async (value) => {
  const branch = (op: string) => ({
    nodes: [{ op, inputs: ['x'], outputs: [`${op}_result`] }],
    outputs: [`${op}_result`],
  })
  await agrees(
    {
      opset: 13,
      inputs: { condition: flag, x: row },
      nodes: [
        {
          op: 'If',
          inputs: ['condition'],
          outputs: ['y'],
          attrs: { then_branch: branch('Exp'), else_branch: branch('Neg') },
        },
      ],
      outputs: ['y'],
    },
    { condition: tensor(Uint8Array.of(value), [], 'bool'), ...feeds },
  )
})
