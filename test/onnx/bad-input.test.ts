import { beforeAll, describe, expect, test } from 'vitest'
import { isTvmNodeError } from '#lib/errors.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { longToNumber, message } from '#lib/frontend/onnx/schema.js'
import { openLibrary } from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'
import { float, type ModelDescription, nodeProto, onnxModel } from '../support/onnx-writer.js'
import { generator, randomTensor as random } from '../support/random.js'

beforeAll(() => {
  openLibrary()
})

const x = { x: { dtype: 'float32' as const, shape: [1, 2, 4, 4] } }
const conv: ModelDescription = {
  opset: 13,
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], name: 'first' },
    { op: 'Relu', inputs: ['c'], outputs: ['y'] },
  ],
  inputs: x,
  outputs: ['y'],
  initializers: { w: random([3, 2, 3, 3]) },
}
const refuses = (model: string | Uint8Array, code: string, text: string | RegExp = '') =>
  expect(() => importModel(model)).toThrow(
    expect.objectContaining({
      code,
      message: typeof text === 'string' ? expect.stringContaining(text) : expect.stringMatching(text),
    }),
  )

describe('files', () => {
  test('a missing file', () => refuses('/nowhere/model.onnx', 'ERR_MODEL_READ', '/nowhere/model.onnx'))
  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', Buffer.from('# a readme, not a model')],
    ['a zip archive', Buffer.from('PK\u0003\u0004 and so on')],
    [
      'random bytes',
      Uint8Array.from(
        { length: 999 },
        (
          (next) => () =>
            next() * 256
        )(generator(3)),
      ),
    ],
  ])('%s is no model', (_name, bytes) => refuses(bytes, 'ERR_NOT_ONNX'))

  test('a model cut anywhere is refused with a code', () => {
    const bytes = onnxModel(conv)
    for (let length = 0; length < bytes.length; length++) {
      try {
        importModel(bytes.subarray(0, length))
        expect.fail(`${length} of ${bytes.length} bytes were accepted`)
      } catch (error) {
        expect(isTvmNodeError(error)).toBe(true)
      }
    }
    refuses(bytes.subarray(0, bytes.length - 20), 'ERR_MODEL_TRUNCATED')
  })

  test('damaged models are refused with a code or import', () => {
    const bytes = onnxModel(conv)
    const next = generator(11)
    for (let round = 0; round < 400; round++) {
      const damaged = bytes.slice()
      damaged[Math.floor(next() * bytes.length)] = Math.floor(next() * 256)
      try {
        importModel(damaged)
      } catch (error) {
        if (!isTvmNodeError(error)) throw error
      }
    }
  })

  test('graphs nested deeper than the limit are refused', () => {
    // The runtime's own encoder has the same limit, so the message is put together by hand.
    const wrap = (inner: Uint8Array, tag: number) => {
      const length: number[] = []
      for (let rest = inner.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest)
        if (rest <= 127) break
      }
      return Buffer.concat([Buffer.from([tag, ...length]), inner])
    }
    let bytes: Uint8Array = new Uint8Array(0)
    for (let depth = 0; depth < 5000; depth++) bytes = wrap(wrap(wrap(bytes, 0x32), 0x2a), 0x0a)
    refuses(Buffer.concat([Buffer.from([0x08, 8]), wrap(bytes, 0x3a)]), 'ERR_MODEL_TRUNCATED', 'depth')
  })
})

describe('graphs', () => {
  const relu = (input: string, output: string, name = '') => ({
    op: 'Relu',
    inputs: [input],
    outputs: [output],
    name,
  })
  const graph = (nodes: ModelDescription['nodes'], outputs = ['y']) =>
    onnxModel({ opset: 13, nodes, inputs: x, outputs })

  test.each([
    [
      'a cycle',
      graph([relu('b', 'a', 'one'), relu('a', 'b', 'two'), relu('b', 'y')]),
      'ERR_INVALID_MODEL',
      /cycle.*(one|two)/,
    ],
    [
      'a missing tensor',
      graph([relu('nothing', 'y', 'reader')]),
      'ERR_INVALID_MODEL',
      "'reader' (Relu) reads 'nothing'",
    ],
    ['a missing output', graph([relu('x', 'z')]), 'ERR_INVALID_MODEL', "the output 'y'"],
    [
      'a node that writes an input',
      graph([relu('x', 'y'), relu('y', 'x')]),
      'ERR_INVALID_MODEL',
      "writes 'x', which is written already",
    ],
    [
      'a node that writes a weight',
      onnxModel({ ...conv, nodes: [...conv.nodes, relu('x', 'w')] }),
      'ERR_INVALID_MODEL',
      "writes 'w'",
    ],
    [
      'a function that calls itself',
      onnxModel({
        opset: 13,
        domains: { own: 1 },
        functions: [
          {
            name: 'Endless',
            domain: 'own',
            inputs: ['a'],
            outputs: ['b'],
            nodes: [nodeProto({ op: 'Endless', domain: 'own', inputs: ['a'], outputs: ['b'] })],
          },
        ],
        nodes: [{ op: 'Endless', domain: 'own', inputs: ['x'], outputs: ['y'] }],
        inputs: x,
        outputs: ['y'],
      }),
      'ERR_INVALID_MODEL',
      "function 'Endless' calls itself",
    ],
    ['a name written twice', graph([relu('x', 'y'), relu('x', 'y')]), 'ERR_INVALID_MODEL', "writes 'y'"],
    [
      'a missing input',
      graph([{ op: 'Add', inputs: ['x'], outputs: ['y'] }]),
      'ERR_INVALID_MODEL',
      'input 1 is missing',
    ],
    [
      'an attribute of the wrong type',
      graph([{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attrs: { axis: float(1) } }]),
      'ERR_INVALID_MODEL',
      "attribute 'axis' of type FLOAT, it must be INT",
    ],
    [
      'a missing attribute',
      graph([{ op: 'MaxPool', inputs: ['x'], outputs: ['y'] }]),
      'ERR_INVALID_MODEL',
      "lacks its attribute 'kernel_shape'",
    ],
    [
      'an axis outside',
      graph([{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attrs: { axis: 4 } }]),
      'ERR_INVALID_MODEL',
      'axis 4',
    ],
    [
      'shapes that do not fit',
      onnxModel({ ...conv, initializers: { w: random([3, 5, 3, 3]) } }),
      'ERR_INVALID_MODEL',
      "node 'first' (Conv): input [1,2,4,4], weight [3,5,3,3]",
    ],
    [
      'shapes that do not broadcast',
      onnxModel({
        opset: 13,
        nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'], name: 'adder' }],
        inputs: x,
        outputs: ['y'],
        initializers: { w: random([3]) },
      }),
      'ERR_INVALID_MODEL',
      "node 'adder' (Add)",
    ],
    [
      'sizes that overflow',
      onnxModel({
        opset: 13,
        nodes: [{ op: 'ConstantOfShape', inputs: ['s'], outputs: ['y'] }],
        outputs: ['y'],
        initializers: { s: tensor(BigInt64Array.of(2n ** 31n, 2n ** 31n)) },
      }),
      'ERR_INVALID_MODEL',
      'too many elements',
    ],
  ])('%s', (_name, model, code, text) => refuses(model, code, text))
})

describe('operators', () => {
  const unknown = onnxModel({
    opset: 13,
    domains: { 'my.ops': 2 },
    nodes: [
      { op: 'Frobnicate', inputs: ['x'], outputs: ['a'], name: 'n1' },
      { op: 'Frobnicate', inputs: ['a'], outputs: ['b'], name: 'n2' },
      { op: 'Magic', domain: 'my.ops', inputs: ['b'], outputs: ['c'] },
      { op: 'relu', inputs: ['c'], outputs: ['y'], name: 'n4' },
    ],
    inputs: x,
    outputs: ['y'],
  })

  test('all unknown ones are named at once, with their nodes', () => {
    refuses(
      unknown,
      'ERR_UNSUPPORTED_OPERATOR',
      /Frobnicate \(opset 13, nodes n1, n2\).*my\.ops\.Magic.*relu.*did you mean Relu\?/,
    )
  })

  test('an operator newer than the opset is unknown', () => {
    const nodes = [{ op: 'LayerNormalization', inputs: ['x', 'x'], outputs: ['y'] }]
    refuses(
      onnxModel({ opset: 13, nodes, inputs: x, outputs: ['y'] }),
      'ERR_UNSUPPORTED_OPERATOR',
      'LayerNormalization (opset 13',
    )
  })

  test.each([
    ['AveragePool', { kernel_shape: [2], auto_pad: 'SAME_UPPER' }, [1, 1, 2 ** 31 - 1]],
    ['Trilu', {}, [2, 2 ** 31 - 1]],
  ])('%s over more places than any machine holds ends at once', (op, attrs, shape) => {
    const graph = { nodes: [{ op, inputs: ['x'], outputs: ['y'], attrs }], outputs: ['y'] }
    const inputs = { x: { dtype: 'float32' as const, shape } }
    refuses(onnxModel({ opset: 14, inputs, ...graph }), 'ERR_INVALID_MODEL', /too large/)
  })

  test('a constant of more elements than any machine holds', () => {
    const nodes = [{ op: 'ConstantOfShape', inputs: ['s'], outputs: ['y'] }]
    const initializers = { s: tensor(BigInt64Array.of(2n ** 31n - 1n)) }
    refuses(onnxModel({ opset: 14, initializers, nodes, outputs: ['y'] }), 'ERR_INVALID_MODEL', /too large/)
  })

  test('a sum that no constant needs to hold is left to the run', () => {
    const nodes = [
      { op: 'Expand', inputs: ['c', 's'], outputs: ['e'] },
      { op: 'Gather', inputs: ['e', 'x'], outputs: ['y'] },
    ]
    const initializers = { c: tensor(Float32Array.of(3)), s: tensor(BigInt64Array.of(2n ** 31n - 1n)) }
    const inputs = { x: { dtype: 'int64' as const, shape: [2] } }
    const { outputs } = importModel(onnxModel({ opset: 14, inputs, initializers, nodes, outputs: ['y'] }))
    expect(outputs[0]?.shape).toEqual([2])
  })

  test('a scale of 4-bit integers', () => {
    const nodes = [{ op: 'DequantizeLinear', inputs: ['q', 'q'], outputs: ['y'] }]
    const inputs = { q: { dtype: 'uint4' as const, shape: [5] } }
    refuses(onnxModel({ opset: 21, inputs, nodes, outputs: ['y'] }), 'ERR_UNSUPPORTED_OPERATOR', /uint4/)
  })

  test.each([0, 22, 999])('opset %d is outside the range', (opset) => {
    refuses(onnxModel({ ...conv, opset }), 'ERR_UNSUPPORTED_OPSET', `opset ${opset}`)
  })

  test('a form that cannot be imported is named', () => {
    const nodes = [
      { op: 'SequenceEmpty', inputs: [], outputs: ['none'] },
      { op: 'ConcatFromSequence', inputs: ['none'], outputs: ['y'], attrs: { axis: 0 }, name: 'all' },
    ]
    refuses(
      onnxModel({ opset: 13, nodes, inputs: x, outputs: ['y'] }),
      'ERR_UNSUPPORTED_OPERATOR',
      'ConcatFromSequence (opset 13, nodes all): an empty sequence cannot be concatenated',
    )
  })

  test('element types without arithmetic are refused', () => {
    const inputs = { x: { dtype: 'string' as const, shape: [2] } }
    const nodes = [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }]
    refuses(
      onnxModel({ opset: 13, nodes, inputs, outputs: ['y'] }),
      'ERR_UNSUPPORTED_OPERATOR',
      'element type string',
    )
  })
})

test('the reader keeps 64-bit integers', () => {
  const proto = message('TensorProto').decode(
    message('TensorProto')
      .encode({ dims: [2 ** 40] })
      .finish(),
  ) as unknown as { dims: never[] }
  expect(longToNumber(proto.dims[0] as never)).toBe(2 ** 40)
})
