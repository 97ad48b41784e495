import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { openLibrary } from '#lib/runtime/index.js'
import { load } from '#lib/session/load.js'
import { assembleValues, flattenValues } from '#lib/session/structure.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { type NodeDescription, onnxModel } from '../support/onnx-writer.js'
import { expectClose, runHere, runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'

openLibrary()

const floats = (values: number[], shape = [values.length]) => tensor(Float32Array.from(values), shape)
const int64 = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const scalar = (value: number) => tensor(BigInt64Array.of(BigInt(value)), [])
const a = floats([1, 2, 3, 4, 5, 6, 7], [7, 1])
const b = floats([8, 9], [2, 1])
const c = floats([10, 11, 12], [3, 1])

const node = (
  op: string,
  inputs: string,
  output: string,
  attrs: NodeDescription['attrs'] = {},
): NodeDescription => ({
  op,
  inputs: inputs === '' ? [] : inputs.split(' '),
  outputs: [output],
  attrs,
})

function model(nodes: NodeDescription[], initializers: Record<string, Tensor> = {}) {
  const type = ({ dtype, shape }: Tensor) => ({ dtype, shape })
  return onnxModel({
    opset: 18,
    nodes,
    inputs: { a: type(a), b: type(b), c: type(c) },
    outputs: ['y'],
    initializers,
  })
}

const joined = node('ConcatFromSequence', 's', 'y', { axis: 0 })
const abc = node('SequenceConstruct', 'a b c', 't')

describe('sequences within a network agree with ONNX Runtime', () => {
  test.each<[string, NodeDescription[], Record<string, Tensor>?]>([
    [
      'inserted at the end and in front',
      [
        node('SequenceEmpty', '', 'e'),
        node('SequenceInsert', 'e a', 'f'),
        node('SequenceInsert', 'f b', 'g'),
        node('SequenceInsert', 'g c i', 's'),
        joined,
      ],
      { i: scalar(0) },
    ],
    ['inserted before the last', [abc, node('SequenceInsert', 't b i', 's'), joined], { i: scalar(-1) }],
    ['erased, the last by default', [abc, node('SequenceErase', 't', 's'), joined]],
    ['erased from the end', [abc, node('SequenceErase', 't i', 's'), joined], { i: scalar(-3) }],
    ['an element counted from the end', [abc, node('SequenceAt', 't i', 'y')], { i: scalar(-2) }],
    ['a length', [abc, node('SequenceLength', 't', 'y')]],
    [
      'split one by one',
      [node('SplitToSequence', 'a', 't', { axis: 0, keepdims: 0 }), node('SequenceAt', 't i', 'y')],
      { i: scalar(4) },
    ],
    [
      'split into parts of three, the last smaller',
      [node('SplitToSequence', 'a n', 't'), node('SequenceAt', 't i', 'y')],
      { n: scalar(3), i: scalar(2) },
    ],
    ['split as given', [node('SplitToSequence', 'a n', 's'), joined], { n: int64(3, 0, 4) }],
    [
      'joined along a new axis',
      [
        node('SequenceConstruct', 'b b b', 's'),
        node('ConcatFromSequence', 's', 'y', { axis: -1, new_axis: 1 }),
      ],
    ],
  ])('%s', async (_name, nodes, initializers = {}) => {
    const bytes = model(nodes, initializers)
    const feeds = { a, b, c }
    const wanted = await runReference(bytes, feeds)
    expectClose(runHere(bytes, feeds), wanted)
  })

  test('mapped over', () => {
    const body = {
      nodes: [node('Mul', 'item item', 'out')],
      inputs: { item: { dtype: 'float32' as const, shape: [undefined, 1] } },
      outputs: ['out'],
    }
    const bytes = model([abc, node('SequenceMap', 't', 's', { body }), joined])
    const squares = [a, b, c].flatMap(({ data }) => Array.from(data as Float32Array, (x) => x * x))
    expect(Array.from(runHere(bytes, { a, b, c }).y?.data as Float32Array)).toEqual(squares)
  })

  test.each([
    ['a place behind the end', [abc, node('SequenceAt', 't i', 'y')], { i: scalar(3) }],
    ['nothing to erase', [node('SequenceEmpty', '', 't'), node('SequenceErase', 't', 's'), joined], {}],
    ['sizes that do not add up', [node('SplitToSequence', 'a n', 's'), joined], { n: int64(3, 3) }],
    ['parts of nothing', [node('SplitToSequence', 'a n', 's'), joined], { n: scalar(0) }],
  ])('but not with %s', (_name, nodes, initializers) => {
    expect(() => importModel(model(nodes, initializers))).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_MODEL' }),
    )
  })

  test('and operators that take tensors refuse them by name', () => {
    expect(() => importModel(model([abc, node('Relu', 't', 'y')]))).toThrow(
      /Relu \(opset 18, nodes y\).*sequence/,
    )
  })
})

describe('sequences and optionals at the ends of a network', () => {
  const folder = scratchFolder()
  const ends = onnxModel({
    opset: 18,
    nodes: [
      node('SequenceInsert', 's a', 'more'),
      node('OptionalHasElement', 'o', 'there'),
      node('Optional', 'a', 'maybe'),
    ],
    inputs: {
      s: { dtype: 'float32', shape: ['n', 1], within: 'sequence' },
      o: { dtype: 'float32', shape: [2], within: 'optional' },
      a: { dtype: 'float32', shape: [7, 1] },
    },
    outputs: ['more', 'there', 'maybe'],
  })

  test('go in and out as tensors with names of their own', async () => {
    await using artifact = await compile(ends, { shapes: { 's[0]': [2, 1], 's[1]': [3, 1], o: null } })
    const path = join(folder, 'ends.tvm')
    await artifact.save(path)
    await using session = await load(path)
    expect(session.inputs.map(({ name }) => name)).toEqual(['s[0]', 's[1]', 'a'])
    const { structure } = session.metadata
    expect(structure).toEqual({
      inputs: { s: ['tensor', 'tensor'], o: null },
      outputs: { more: ['tensor', 'tensor', 'tensor'] },
    })
    const outputs = await session.run(flattenValues({ s: [b, c], o: null, a }))
    expect(assembleValues(outputs, structure?.outputs)).toEqual({
      more: [b, c, a],
      there: tensor(Uint8Array.of(0), [], 'bool'),
      maybe: a,
    })
  })

  test('an empty sequence and an optional with a value', () => {
    const { inputs, outputs, structure } = importModel(ends, { shapes: { s: [] } })
    expect(inputs.map(({ name }) => name)).toEqual(['o', 'a'])
    expect(outputs.map(({ name }) => name)).toEqual(['more[0]', 'there', 'maybe'])
    expect(structure.outputs).toEqual({ more: ['tensor'] })
  })

  test('need their length', () => {
    expect(() => importModel(ends)).toThrow(/length of the sequence 's'.*s\[0\]:1,3/)
  })
})

test('values are taken apart and put together again', () => {
  const nested = { x: [[a], [], b], y: null, z: c }
  const flat = flattenValues(nested)
  expect(Object.keys(flat)).toEqual(['x[0][0]', 'x[2]', 'z'])
  expect(assembleValues(flat, { x: [['tensor'], [], 'tensor'], y: null })).toEqual(nested)
})
