import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importModel } from '#lib/frontend/onnx/import.js'
import { message } from '#lib/frontend/onnx/schema.js'
import { readTensor } from '#lib/frontend/onnx/tensor-proto.js'
import { Constant } from '#lib/ir/relay.js'
import { openLibrary } from '#lib/runtime/index.js'
import { type DType, tensor } from '#lib/tensor.js'
import { float, type ModelDescription, nodeProto, onnxModel, tensorProto } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import { expectClose, runHere, runReference } from '../support/run-onnx.js'

let folder: string
beforeAll(async () => {
  openLibrary()
  folder = await mkdtemp(join(tmpdir(), 'onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const input = (...shape: (number | string)[]) => ({ x: { dtype: 'float32' as const, shape } })

describe('names and shapes', () => {
  const model = onnxModel({
    opset: 13,
    nodes: [
      { op: 'Add', inputs: ['left/in:0', 'right in'], outputs: ['sum'] },
      { op: 'Neg', inputs: ['sum'], outputs: ['the negative'] },
    ],
    inputs: {
      'left/in:0': { dtype: 'float32', shape: ['batch', 3] },
      'right in': { dtype: 'float32', shape: ['batch', 3] },
    },
    outputs: ['the negative', 'sum'],
  })

  test('the model’s own names are kept, in its order', () => {
    const { inputs, outputs } = importModel(model)
    expect(inputs.map(({ name, internal }) => [name, internal])).toEqual([
      ['left/in:0', 'i0'],
      ['right in', 'i1'],
    ])
    expect(outputs).toEqual([
      { name: 'the negative', shape: [1, 3], dtype: 'float32' },
      { name: 'sum', shape: [1, 3], dtype: 'float32' },
    ])
  })

  test('an open batch is taken as 1 and reported', () => {
    expect(importModel(model).assumed).toEqual([{ input: 'left/in:0', axis: 0, symbol: 'batch', extent: 1 }])
  })

  test('a pinned symbol holds in all inputs', () => {
    const { inputs, assumed } = importModel(model, { shapes: { 'left/in:0': [5, -1] } })
    expect(inputs.map(({ shape }) => shape)).toEqual([
      [5, 3],
      [5, 3],
    ])
    expect(assumed).toEqual([])
  })

  test.each([
    [{ 'left/in:1': [1, 3] }, "no input 'left/in:1'; did you mean 'left/in:0'?"],
    [{ 'right in': [1, 3, 1] }, 'it has 2 dimensions'],
    [{ 'right in': [1, 4] }, 'dimension 1 is 3'],
    [{ 'left/in:0': [2, 3], 'right in': [3, 3] }, 'batch is pinned to 2 already'],
  ])('refuses shapes %j', (shapes, text) => {
    expect(() => importModel(model, { shapes })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(text) }),
    )
  })

  test('open dimensions behind the batch must be pinned', () => {
    const open = onnxModel({
      opset: 13,
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      inputs: input('n', 3, 'height'),
      outputs: ['y'],
    })
    expect(() => importModel(open)).toThrow(
      expect.objectContaining({
        code: 'ERR_DYNAMIC_SHAPE',
        message: expect.stringMatching(/x\[2\] \(height\).*--shape x:/),
      }),
    )
    expect(importModel(open, { shapes: { x: [2, 3, 8] } }).outputs[0]?.shape).toEqual([2, 3, 8])
  })

  test('a shape computed from values is refused with the node', () => {
    const nodes = [{ op: 'Reshape', inputs: ['x', 's'], outputs: ['y'], name: 'reshaper' }]
    const model = onnxModel({
      opset: 13,
      nodes,
      inputs: { ...input(2, 3), s: { dtype: 'int64', shape: [1] } },
      outputs: ['y'],
    })
    expect(() => importModel(model)).toThrow(
      expect.objectContaining({ code: 'ERR_DYNAMIC_SHAPE', message: expect.stringContaining('reshaper') }),
    )
    const { inputs, outputs } = importModel(model, { constants: { s: ints(6) } })
    expect(inputs.map(({ name }) => name)).toEqual(['x'])
    expect(outputs[0]?.shape).toEqual([6])
  })
})

describe('unusual graphs agree with ONNX Runtime', () => {
  const neg = (from: string, to: string) => ({ op: 'Neg', inputs: [from], outputs: [to] })
  const w = random([4])
  const x = random([2, 3])
  const plain = { opset: 13, inputs: input(2, 3) }
  test.each<[string, ModelDescription]>([
    ['an output that is an input', { ...plain, nodes: [neg('x', 'y')], outputs: ['x', 'y'] }],
    ['nothing but an input', { ...plain, nodes: [], outputs: ['x'] }],
    [
      'an output that is a weight',
      { ...plain, nodes: [neg('x', 'y')], outputs: ['w', 'y'], initializers: { w } },
    ],
    ['outputs of constants alone', { ...plain, nodes: [neg('w', 'y')], outputs: ['y'], initializers: { w } }],
    [
      'one value under two names',
      {
        ...plain,
        nodes: [neg('x', 'y'), { op: 'Identity', inputs: ['y'], outputs: ['z'] }],
        outputs: ['y', 'z'],
      },
    ],
    ['an output listed twice', { ...plain, nodes: [neg('x', 'y')], outputs: ['y', 'y'] }],
    [
      'names that mean something in JavaScript',
      { ...plain, nodes: [neg('x', '__proto__'), neg('__proto__', 'constructor')], outputs: ['constructor'] },
    ],
    [
      'names of any characters',
      { ...plain, nodes: [neg('x', 'é "\\n\u{1F600}/..')], outputs: ['é "\\n\u{1F600}/..'] },
    ],
    [
      'optional inputs left empty',
      { ...plain, nodes: [{ op: 'Clip', inputs: ['x', '', ''], outputs: ['y'] }], outputs: ['y'] },
    ],
    [
      'a part without elements',
      {
        ...plain,
        nodes: [{ op: 'Split', inputs: ['x', 's'], outputs: ['a', 'b'], attrs: { axis: 1 } }],
        outputs: ['a', 'b'],
        initializers: { s: ints(0, 3) },
      },
    ],
  ])('%s', async (_name, description) => {
    const model = onnxModel(description)
    expectClose(runHere(model, { x }), await runReference(model, { x }))
  })

  test('an input without elements and a scalar', async () => {
    const model = onnxModel({
      opset: 13,
      nodes: [
        { op: 'Add', inputs: ['x', 's'], outputs: ['y'] },
        { op: 'Concat', inputs: ['z', 'y'], outputs: ['joined'], attrs: { axis: 0 } },
        { op: 'Relu', inputs: ['z'], outputs: ['none'] },
      ],
      inputs: {
        ...input(2, 3),
        s: { dtype: 'float32', shape: [] },
        z: { dtype: 'float32', shape: [0, 3] },
      },
      outputs: ['joined', 'none'],
    })
    const feeds = { x, s: tensor(Float32Array.of(2), []), z: tensor(new Float32Array(0), [0, 3]) }
    expectClose(runHere(model, feeds), await runReference(model, feeds))
  })
})

describe('constants', () => {
  test('shape arithmetic leaves no trace', () => {
    const model = onnxModel({
      opset: 13,
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
        { op: 'Gather', inputs: ['shape', 'zero'], outputs: ['batch'] },
        { op: 'Unsqueeze', inputs: ['batch', 'axes'], outputs: ['batch1'] },
        { op: 'Concat', inputs: ['batch1', 'minus1'], outputs: ['target'], attrs: { axis: 0 } },
        { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
      ],
      inputs: input(4, 3, 2),
      outputs: ['y', 'target'],
      initializers: { zero: tensor(BigInt64Array.of(0n), []), axes: ints(0), minus1: ints(-1) },
    })
    const { func, outputs } = importModel(model)
    expect(outputs.map(({ shape }) => shape)).toEqual([[4, 6], [2]])
    const target = (func.body as unknown as { fields: unknown[] }).fields[1]
    expect(target).toBeInstanceOf(Constant)
    expect(Array.from((target as Constant).data.toTensor().data as BigInt64Array)).toEqual([4n, -1n])
  })

  test('weights named as inputs too are no inputs', () => {
    const nodes = [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }]
    const model = onnxModel({
      opset: 8,
      nodes,
      inputs: { ...input(2), w: { dtype: 'float32', shape: [2] } },
      outputs: ['y'],
      initializers: { w: random([2]) },
    })
    expect(importModel(model).inputs.map(({ name }) => name)).toEqual(['x'])
  })

  test('nodes in any order are sorted', () => {
    const nodes = [
      { op: 'Neg', inputs: ['a'], outputs: ['y'] },
      { op: 'Abs', inputs: ['x'], outputs: ['a'] },
    ]
    expect(
      importModel(onnxModel({ opset: 13, nodes, inputs: input(2), outputs: ['y'] })).outputs,
    ).toHaveLength(1)
  })

  test.each([
    ['value_float', float(1.5), [], 'float32'],
    ['value_floats', { floats: [1, 2] }, [2], 'float32'],
    ['value_int', 7, [], 'int64'],
    ['value_ints', [7, 8, 9], [3], 'int64'],
    ['value', random([2, 2], 'int8', -9, 9), [2, 2], 'int8'],
  ] as const)('Constant with %s', (name, value, shape, dtype) => {
    const nodes = [{ op: 'Constant', inputs: [], outputs: ['y'], attrs: { [name]: value } }]
    expect(importModel(onnxModel({ opset: 13, nodes, outputs: ['y'] })).outputs).toEqual([
      { name: 'y', shape, dtype },
    ])
  })

  test('If with a known condition takes its branch', async () => {
    const branch = (op: string) => ({ nodes: [{ op, inputs: ['x'], outputs: ['r'] }], outputs: ['r'] })
    const model = onnxModel({
      opset: 13,
      nodes: [
        {
          op: 'If',
          inputs: ['c'],
          outputs: ['y'],
          attrs: { then_branch: branch('Abs'), else_branch: branch('Neg') },
        },
      ],
      inputs: input(3),
      outputs: ['y'],
      initializers: { c: tensor(Uint8Array.of(0), [], 'bool') },
    })
    const x = random([3])
    expectClose(runHere(model, { x }), { y: { ...x, data: (x.data as Float32Array).map((value) => -value) } })
  })
})

describe('functions of the model', () => {
  test('expand, with the caller’s attributes', async () => {
    const leaky = {
      opType: 'LeakyRelu',
      input: ['a'],
      output: ['r'],
      attribute: [{ name: 'alpha', type: 1, refAttrName: 'slope' }],
    }
    const twice = nodeProto({ op: 'Add', inputs: ['r', 'r'], outputs: ['b'] })
    const functions = [
      {
        name: 'Twice',
        domain: 'custom',
        inputs: ['a'],
        outputs: ['b'],
        attributes: ['slope'],
        nodes: [leaky, twice],
      },
    ]
    const model = onnxModel({
      opset: 16,
      domains: { custom: 1 },
      functions,
      nodes: [
        { op: 'Twice', domain: 'custom', inputs: ['x'], outputs: ['y'], attrs: { slope: float(0.25) } },
      ],
      inputs: input(8),
      outputs: ['y'],
    })
    const x = random([8])
    expectClose(runHere(model, { x }), await runReference(model, { x }))
  })
})

describe('tensors', () => {
  const decode = (proto: object) =>
    readTensor(
      message('TensorProto').decode(message('TensorProto').encode(proto).finish()) as never,
      () => new Uint8Array(0),
    )

  test.each([
    ['floatData', 1, [1.5, -2], tensor(Float32Array.of(1.5, -2))],
    ['int32Data', 2, [1, 255], tensor(Uint8Array.of(1, 255))],
    ['int32Data', 3, [-1, 5], tensor(Int8Array.of(-1, 5))],
    ['int32Data', 6, [-1, 5], tensor(Int32Array.of(-1, 5))],
    ['int64Data', 7, [-1, 2 ** 40], tensor(BigInt64Array.of(-1n, 2n ** 40n))],
    ['int32Data', 9, [1, 0], tensor(Uint8Array.of(1, 0), [2], 'bool')],
    ['int32Data', 10, [0x3c00, 0x4000], tensor(Uint16Array.of(0x3c00, 0x4000), [2], 'float16')],
    ['doubleData', 11, [1.5, 2], tensor(Float64Array.of(1.5, 2))],
    ['uint64Data', 12, [4294967295, 1], tensor(Uint32Array.of(4294967295, 1))],
    ['uint64Data', 13, [5, 6], tensor(BigUint64Array.of(5n, 6n))],
    ['int32Data', 16, [0x3f80, 0], tensor(Uint16Array.of(0x3f80, 0), [2], 'bfloat16')],
    ['int32Data', 17, [0x38, 1], tensor(Uint8Array.of(0x38, 1), [2], 'float8e4m3fn')],
    ['int32Data', 22, [0xe1], tensor(Uint8Array.of(0xe1), [2], 'int4')],
    ['stringData', 8, [Buffer.from('a'), Buffer.from('é')], tensor(['a', 'é'])],
  ])('%s of type %d', (field, dataType, values, expected) => {
    expect(decode({ dataType, dims: [2], [field]: values })).toEqual(expected)
  })

  test.each<DType>(['float32', 'int64', 'uint16', 'bool', 'complex64', 'int4'])('raw data of %s', (dtype) => {
    const value = random(
      dtype === 'complex64' ? [0] : [2, 2],
      dtype === 'int4' || dtype === 'complex64' ? 'uint8' : dtype,
      0,
      100,
    )
    const expected =
      dtype === 'int4'
        ? tensor(value.data.slice(0, 2), [2, 2], 'int4')
        : dtype === 'complex64'
          ? tensor(new Float32Array(0), [0], dtype)
          : value
    expect(decode(tensorProto(expected))).toEqual(expected)
  })

  test.each([
    [{ dataType: 99, dims: [1] }, 'element type 99'],
    [{ dataType: 1, dims: [-1] }, 'impossible shape'],
    [{ dataType: 1, dims: [2 ** 31, 2 ** 31] }, 'too many elements'],
    [{ dataType: 1, dims: [3], floatData: [1] }, '1 values, its shape needs 3'],
    [{ dataType: 1, dims: [3], rawData: new Uint8Array(5) }, '5 bytes, its shape needs 12'],
  ])('refuses %j', (proto, text) => {
    expect(() => decode(proto)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_MODEL', message: expect.stringContaining(text) }),
    )
  })
})

describe('external data', () => {
  const weights = random([4])
  const external = (location: string, extra: Record<string, string> = {}) => {
    const entries = Object.entries({ location, ...extra }).map(([key, value]) => ({ key, value }))
    const w = { name: 'w', dataType: 1, dims: [4], dataLocation: 1, externalData: entries }
    const graph = {
      node: [nodeProto({ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] })],
      input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 4 }] } } } }],
      output: [{ name: 'y' }],
      initializer: [w],
    }
    return message('ModelProto')
      .encode({ irVersion: 8, opsetImport: [{ version: 13 }], graph })
      .finish()
  }
  const write = async (bytes: Uint8Array) => {
    await mkdir(join(folder, 'net', 'data'), { recursive: true })
    const path = join(folder, 'net', 'model.onnx')
    await writeFile(path, bytes)
    await writeFile(
      join(folder, 'net', 'data', 'w.bin'),
      Buffer.concat([Buffer.alloc(8), Buffer.from((weights.data as Float32Array).buffer)]),
    )
    await writeFile(join(folder, 'outside.bin'), Buffer.alloc(100))
    return path
  }

  test('is read at its offset', async () => {
    const path = await write(external('data/w.bin', { offset: '8', length: '16' }))
    const x = tensor(new Float32Array(4))
    expectClose(runHere(path, { x }), { y: weights })
  })

  test.each([
    ['absent.bin', {}, 'is missing'],
    ['../outside.bin', {}, 'outside'],
    ['/etc/hostname', {}, 'relative'],
    ['link.bin', {}, 'outside'],
    ['data/w.bin', { offset: '8', length: '400' }, 'the file has 24'],
    ['data/w.bin', { offset: '-1' }, 'offset'],
  ])('%s %j is refused', async (location, extra, text) => {
    const path = await write(external(location, extra))
    await symlink(join(folder, 'outside.bin'), join(folder, 'net', 'link.bin')).catch(() => {})
    expect(() => importModel(path)).toThrow(
      expect.objectContaining({ code: 'ERR_EXTERNAL_DATA', message: expect.stringContaining(text) }),
    )
  })

  test('is not found for a model given as bytes', () => {
    expect(() => importModel(external('data/w.bin'))).toThrow(
      expect.objectContaining({ code: 'ERR_EXTERNAL_DATA' }),
    )
  })
})
