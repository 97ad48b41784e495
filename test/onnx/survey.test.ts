import { beforeAll, expect, test } from 'vitest'
import { importModel, surveyModel } from '#lib/frontend/onnx/import.js'
import { openLibrary } from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'
import { type ModelDescription, nodeProto, onnxModel } from '../support/onnx-writer.js'

beforeAll(() => {
  openLibrary()
})

const x = { x: { dtype: 'float32' as const, shape: [2, 3] } }
const survey = (model: Omit<ModelDescription, 'opset'> & { opset?: number }) =>
  surveyModel(onnxModel({ opset: 13, ...model }))
const unsupported = { code: 'ERR_UNSUPPORTED_OPERATOR', domain: '', version: 13 }

test('a model that can be imported has no problems', () => {
  const nodes = [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }]
  expect(survey({ nodes, inputs: x, outputs: ['y'] })).toEqual({
    problems: [],
    nodes: 1,
    byName: 0,
    assumed: [],
  })
})

test('names, attributes, element types and faults are told in one go', () => {
  const { problems, nodes, byName } = survey({
    nodes: [
      { op: 'Frobnicate', inputs: ['x'], outputs: ['a'], name: 'n1' },
      { op: 'Frobnicate', inputs: ['a'], outputs: ['b'], name: 'n2' },
      { op: 'Relu', inputs: ['b'], outputs: ['c'], name: 'after' },
      { op: 'relu', inputs: ['x'], outputs: ['d'], name: 'n4' },
      { op: 'Softmax', inputs: ['x'], outputs: ['e'], attrs: { axis: 7 }, name: 'axis' },
      { op: 'Cast', inputs: ['x'], outputs: ['f'], attrs: { to: 8 }, name: 'text' },
      { op: 'LayerNormalization', inputs: ['x', 'x'], outputs: ['g'], name: 'early' },
      { op: 'MatMul', inputs: ['x', 'x'], outputs: ['h'], name: 'product' },
      { op: 'Magic', domain: 'my.ops', inputs: ['c'], outputs: ['i'] },
    ],
    domains: { 'my.ops': 2 },
    inputs: x,
    outputs: ['c', 'd', 'e', 'f', 'g', 'h', 'i'],
  })
  const unknown = { ...unsupported, reason: 'there is no such operator' }
  expect(problems).toEqual([
    { ...unknown, operator: 'Frobnicate', nodes: ['n1', 'n2'] },
    { ...unknown, operator: 'relu', nodes: ['n4'], reason: expect.stringContaining('did you mean Relu?') },
    {
      ...unsupported,
      code: 'ERR_INVALID_MODEL',
      operator: 'Softmax',
      nodes: ['axis'],
      reason: 'axis 7 is outside of 2 dimensions',
    },
    { ...unsupported, operator: 'Cast', nodes: ['text'], reason: expect.stringContaining('string') },
    {
      ...unsupported,
      operator: 'LayerNormalization',
      nodes: ['early'],
      reason: 'it is known from opset 17 on, the model has 13',
    },
    {
      ...unsupported,
      code: 'ERR_INVALID_MODEL',
      operator: 'MatMul',
      nodes: ['product'],
      reason: 'shapes [2,3] and [2,3] have no matrix product',
    },
    { ...unknown, operator: 'Magic', domain: 'my.ops', version: 2, nodes: ['i'] },
  ])
  expect({ nodes, byName }).toEqual({ nodes: 9, byName: 3 })
})

test('behind a node that is not known the model’s own types serve', () => {
  const { problems, byName } = survey({
    nodes: [
      { op: 'Frobnicate', inputs: ['x'], outputs: ['a'] },
      { op: 'Softmax', inputs: ['a'], outputs: ['y'], attrs: { axis: 5 }, name: 'late' },
    ],
    inputs: { x: { dtype: 'float32', shape: ['N', 3] } },
    types: { a: { dtype: 'float32', shape: ['N', 3] } },
    outputs: ['y'],
  })
  expect(problems.map(({ operator, reason }) => [operator, reason])).toEqual([
    ['Frobnicate', 'there is no such operator'],
    ['Softmax', 'axis 5 is outside of 2 dimensions'],
  ])
  expect(byName).toBe(0)
})

test('what only stands for a result is no reason to call a shape unknown', () => {
  const { problems, byName } = survey({
    nodes: [
      { op: 'Frobnicate', inputs: ['x'], outputs: ['s'] },
      { op: 'Reshape', inputs: ['x', 's'], outputs: ['y'] },
    ],
    inputs: x,
    types: { s: { dtype: 'int64', shape: [2] } },
    outputs: ['y'],
  })
  expect(problems).toHaveLength(1)
  expect(byName).toBe(1)
})

test('subgraphs and functions are looked into, also behind what is not known', () => {
  const branch = (op: string) => ({
    nodes: [{ op, inputs: ['x'], outputs: [`${op}-out`], name: `inner-${op}` }],
    outputs: [`${op}-out`],
  })
  const { problems } = survey({
    nodes: [
      { op: 'Frobnicate', inputs: ['x'], outputs: ['c'], name: 'first' },
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['a'],
        name: 'choice',
        attrs: { then_branch: branch('Yes'), else_branch: branch('No') },
      },
      { op: 'Twice', domain: 'my', inputs: ['x'], outputs: ['b'], name: 'call' },
      { op: 'Twice', domain: 'my', inputs: ['a'], outputs: ['d'], name: 'late' },
    ],
    domains: { my: 1 },
    functions: [
      {
        name: 'Twice',
        domain: 'my',
        inputs: ['u'],
        outputs: ['v'],
        nodes: [nodeProto({ op: 'Odd', inputs: ['u'], outputs: ['v'], name: 'body' })],
      },
    ],
    inputs: x,
    outputs: ['a', 'b', 'd'],
  })
  expect(problems.map(({ operator, nodes }) => [operator, ...nodes])).toEqual([
    ['Frobnicate', 'first'],
    ['Yes', 'choice > inner-Yes'],
    ['No', 'choice > inner-No'],
    ['Odd', 'call > body', 'late > body'],
  ])
})

test('a function that calls itself is told once', () => {
  const call = { op: 'Loopy', domain: 'my', inputs: ['u'], outputs: ['v'], name: 'again' }
  const { problems } = survey({
    nodes: [{ op: 'Loopy', domain: 'my', inputs: ['x'], outputs: ['y'], name: 'call' }],
    domains: { my: 1 },
    functions: [{ name: 'Loopy', domain: 'my', inputs: ['u'], outputs: ['v'], nodes: [nodeProto(call)] }],
    inputs: x,
    outputs: ['y'],
  })
  expect(problems.map(({ code, nodes }) => [code, ...nodes])).toEqual([['ERR_INVALID_MODEL', 'call > again']])
})

test('inputs, the operator set and the order of the graph are no node’s problem', () => {
  const { problems } = survey({
    opset: 99,
    nodes: [
      { op: 'Relu', inputs: ['lost'], outputs: ['y'] },
      { op: 'Relu', inputs: ['x'], outputs: ['z'] },
    ],
    inputs: {
      x: { dtype: 'string', shape: [2] },
      open: { dtype: 'float32', shape: [2, 'width', undefined] },
    },
    outputs: ['z', 'y'],
  })
  expect(problems.map(({ code, operator, reason }) => [code, operator, reason])).toEqual([
    ['ERR_UNSUPPORTED_OPSET', '', expect.stringContaining('opset 99')],
    ['ERR_UNSUPPORTED_OPERATOR', '', expect.stringContaining('element type string')],
    ['ERR_DYNAMIC_SHAPE', '', expect.stringContaining('--shape open:2,width,N')],
    ['ERR_INVALID_MODEL', '', expect.stringContaining("reads 'lost', which nothing writes")],
  ])
})

test('a shape that depends on a value names the input', () => {
  const { problems } = survey({
    nodes: [{ op: 'Reshape', inputs: ['x', 'sizes'], outputs: ['y'], name: 'r' }],
    inputs: { ...x, sizes: { dtype: 'int64', shape: [2] } },
    outputs: ['y'],
  })
  expect(problems).toMatchObject([
    { code: 'ERR_DYNAMIC_SHAPE', nodes: ['r'], reason: expect.stringContaining("fix the values of 'sizes'") },
  ])
})

test('a branch that is never taken keeps no model from being imported', () => {
  const branch = (op: string) => ({
    nodes: [{ op, inputs: ['x'], outputs: [`${op}-out`] }],
    outputs: [`${op}-out`],
  })
  const model: ModelDescription = {
    opset: 13,
    nodes: [
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['y'],
        attrs: { then_branch: branch('Relu'), else_branch: branch('Frobnicate') },
      },
    ],
    initializers: { c: tensor(Uint8Array.of(1), [], 'bool') },
    inputs: x,
    outputs: ['y'],
  }
  expect(survey(model).problems).toEqual([])
  expect(importModel(onnxModel(model)).outputs).toEqual([{ name: 'y', shape: [2, 3], dtype: 'float32' }])
})

test('an import that ends for want of an operator tells of all', () => {
  const nodes = [
    { op: 'Frobnicate', inputs: ['x'], outputs: ['a'], name: 'n1' },
    { op: 'Cast', inputs: ['x'], outputs: ['b'], attrs: { to: 8 }, name: 'text' },
  ]
  expect(() => importModel(onnxModel({ opset: 13, nodes, inputs: x, outputs: ['a', 'b'] }))).toThrow(
    expect.objectContaining({
      code: 'ERR_UNSUPPORTED_OPERATOR',
      details: {
        operators: [
          expect.objectContaining({ operator: 'Frobnicate', nodes: ['n1'] }),
          expect.objectContaining({ operator: 'Cast', nodes: ['text'] }),
        ],
      },
    }),
  )
})
