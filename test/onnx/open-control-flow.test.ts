import { describe, expect, test } from 'vitest'
import { importModel } from '#lib/frontend/onnx/import.js'
import { tensor } from '#lib/tensor.js'
import { type GraphDescription, type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import type { Tensors } from '../support/run-onnx.js'
import { expectOpenAgrees } from '../support/run-open.js'

const int = (value: number) => tensor(BigInt64Array.of(BigInt(value)), [])
const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const number = (value: number) => tensor(Float32Array.of(value), [])
const yes = tensor(Uint8Array.of(1), [], 'bool')
const flag = { dtype: 'bool', shape: [] } as const
const count = { dtype: 'int64', shape: [] } as const
const floats = (...shape: (number | string | undefined)[]) => ({ dtype: 'float32', shape }) as const

/** A loop around a body over inputs `x` and others; `limit` and `start` are its first inputs. */
function loop(
  body: GraphDescription,
  { state, collected = [], ...rest }: { state: string[]; collected?: string[] } & Partial<ModelDescription>,
  [limit, start] = ['trips', 'yes'],
): ModelDescription {
  const outputs = [...state.map((name) => `${name}_last`), ...collected]
  return {
    opset: 17,
    outputs,
    ...rest,
    initializers: { yes, ...rest.initializers },
    nodes: [
      ...(rest.nodes ?? []),
      { op: 'Loop', inputs: [limit, start, ...state], outputs, attrs: { body } },
    ],
  }
}

const doubling: GraphDescription = {
  nodes: [
    { op: 'Add', inputs: ['v', 'v'], outputs: ['doubled'] },
    { op: 'Identity', inputs: ['going'], outputs: ['next'] },
    { op: 'Cast', inputs: ['i'], outputs: ['step'], attrs: { to: 1 } },
    { op: 'Add', inputs: ['v', 'step'], outputs: ['seen'] },
  ],
  inputs: { i: count, going: flag, v: floats(4) },
  outputs: ['next', 'doubled', 'seen'],
}

interface Case {
  readonly name: string
  readonly model: ModelDescription
  readonly feeds: readonly Tensors[]
}

/** Doubles until the largest element passes the limit. */
const untilLarge: GraphDescription = {
  nodes: [
    { op: 'Add', inputs: ['v', 'v'], outputs: ['doubled'] },
    { op: 'ReduceMax', inputs: ['doubled'], outputs: ['largest'], attrs: { keepdims: 0 } },
    { op: 'Less', inputs: ['largest', 'most'], outputs: ['next'] },
    { op: 'Identity', inputs: ['largest'], outputs: ['seen'] },
  ],
  inputs: { i: count, going: flag, v: floats('n', 3) },
  outputs: ['next', 'doubled', 'seen'],
}

const cases: Case[] = [
  {
    name: 'a loop whose number of steps is an input',
    model: loop(doubling, { inputs: { trips: count, x: floats(4) }, state: ['x'], collected: ['all'] }),
    feeds: [3, 0, 7].map((n) => ({ trips: int(n), x: random([4]) })),
  },
  {
    name: 'a loop that ends by what it computes',
    model: loop(
      untilLarge,
      { inputs: { most: floats(), x: floats('n', 3) }, state: ['x'], collected: ['all'] },
      ['', 'yes'],
    ),
    feeds: [
      [10, 2],
      [1000, 5],
      [0.001, 1],
    ].map(([most = 0, n = 0]) => ({ most: number(most), x: random([n, 3], 'float32', 1, 2) })),
  },
  {
    name: 'a loop with a limit that ends by what it computes, and may not begin',
    model: loop(
      untilLarge,
      {
        inputs: { start: flag, trips: count, most: floats(), x: floats('n', 3) },
        state: ['x'],
        collected: ['all'],
      },
      ['trips', 'start'],
    ),
    feeds: [
      [1, 3],
      [0, 3],
      [1, 100],
    ].map(([start = 0, trips = 0]) => ({
      start: tensor(Uint8Array.of(start), [], 'bool'),
      trips: int(trips),
      most: number(50),
      x: random([2, 3], 'float32', 1, 2),
    })),
  },
  {
    name: 'a decoder that appends the likeliest token until it is the last one',
    model: loop(
      {
        nodes: [
          { op: 'Gather', inputs: ['embedding', 'tokens'], outputs: ['embedded'] },
          { op: 'ReduceMean', inputs: ['embedded'], outputs: ['mean'], attrs: { axes: [1], keepdims: 0 } },
          { op: 'MatMul', inputs: ['mean', 'context'], outputs: ['mixed'] },
          { op: 'MatMul', inputs: ['mixed', 'head'], outputs: ['logits'] },
          { op: 'ArgMax', inputs: ['logits'], outputs: ['best'], attrs: { axis: 1 } },
          { op: 'Concat', inputs: ['tokens', 'best'], outputs: ['longer'], attrs: { axis: 1 } },
          { op: 'Equal', inputs: ['best', 'end'], outputs: ['ended'] },
          { op: 'Not', inputs: ['ended'], outputs: ['not_ended'] },
          { op: 'Squeeze', inputs: ['not_ended'], outputs: ['next'] },
          { op: 'Squeeze', inputs: ['logits', 'zero'], outputs: ['scores'] },
        ],
        inputs: { i: count, going: flag, tokens: { dtype: 'int64', shape: [1, 'length'] } },
        outputs: ['next', 'longer', 'scores'],
      },
      {
        inputs: { prompt: { dtype: 'int64', shape: [1, 'length'] }, x: floats('m', 8) },
        nodes: [
          { op: 'Transpose', inputs: ['x'], outputs: ['xt'], attrs: { perm: [1, 0] } },
          { op: 'MatMul', inputs: ['xt', 'x'], outputs: ['context'] },
        ],
        initializers: {
          embedding: random([20, 8], 'float32', -1, 1, 5),
          head: random([8, 20], 'float32', -1, 1, 6),
          end: int(3),
          zero: ints(0),
          trips: int(12),
        },
        state: ['prompt'],
        collected: ['all_scores'],
      },
    ),
    feeds: [
      [1, 3],
      [4, 5],
    ].map(([length = 0, m = 0]) => ({
      prompt: random([1, length], 'int64', 0, 20, m),
      x: random([m, 8], 'float32', -1, 1, m),
    })),
  },
  {
    name: 'a loop within a loop, whose numbers of steps are inputs',
    model: loop(
      {
        nodes: [
          {
            op: 'Loop',
            inputs: ['inner', 'yes', 'v'],
            outputs: ['w', 'rows'],
            attrs: {
              body: {
                ...doubling,
                inputs: { j: count, on: flag, u: floats(4) },
                nodes: [
                  { op: 'Mul', inputs: ['u', 'x'], outputs: ['times'] },
                  { op: 'Identity', inputs: ['on'], outputs: ['next_on'] },
                  { op: 'Add', inputs: ['times', 'v'], outputs: ['sum'] },
                ],
                outputs: ['next_on', 'times', 'sum'],
              },
            },
          },
          { op: 'Identity', inputs: ['going'], outputs: ['next'] },
          { op: 'ReduceSum', inputs: ['rows'], outputs: ['total'], attrs: { keepdims: 0 } },
        ],
        inputs: { i: count, going: flag, v: floats(4) },
        outputs: ['next', 'w', 'total'],
      },
      { inputs: { trips: count, inner: count, x: floats(4) }, state: ['x'], collected: ['all'] },
    ),
    feeds: [
      [2, 3],
      [3, 0],
      [1, 1],
    ].map(([trips = 0, inner = 0]) => ({ trips: int(trips), inner: int(inner), x: random([4]) })),
  },
  ...[
    [0, 0, 0],
    [1, 1, 1],
  ].map(([input = 0, output = 0, axis = 0]) => ({
    name: `a scan of open length in directions ${input} and ${output} along axis ${axis}`,
    model: {
      opset: 17,
      inputs: { start: floats('b', 4), x: floats('length', 'b', 4) },
      nodes: [
        {
          op: 'Scan',
          inputs: ['start', 'x'],
          outputs: ['last', 'all'],
          attrs: {
            num_scan_inputs: 1,
            scan_input_directions: [input],
            scan_output_directions: [output],
            scan_output_axes: [axis],
            body: {
              nodes: [
                { op: 'Add', inputs: ['sum', 'element'], outputs: ['total'] },
                { op: 'Mul', inputs: ['total', 'element'], outputs: ['product'] },
              ],
              inputs: { sum: floats('b', 4), element: floats('b', 4) },
              outputs: ['total', 'product'],
            },
          },
        },
      ],
      outputs: ['last', 'all'],
    } as ModelDescription,
    feeds: [
      [6, 2],
      [1, 1],
      [9, 3],
    ].map(([length = 0, b = 0]) => ({ start: random([b, 4]), x: random([length, b, 4]) })),
  })),
  {
    name: 'branches whose results differ in extents',
    model: {
      opset: 17,
      inputs: { c: flag, x: floats('n', 3) },
      initializers: { two: ints(2), zero: ints(0) },
      nodes: [
        {
          op: 'If',
          inputs: ['c'],
          outputs: ['y', 'z'],
          attrs: {
            then_branch: {
              nodes: [
                { op: 'Concat', inputs: ['x', 'x'], outputs: ['both'], attrs: { axis: 1 } },
                { op: 'Slice', inputs: ['x', 'zero', 'two', 'zero'], outputs: ['front'] },
              ],
              outputs: ['both', 'front'],
            },
            else_branch: {
              nodes: [
                { op: 'Relu', inputs: ['x'], outputs: ['positive'] },
                { op: 'Neg', inputs: ['x'], outputs: ['negative'] },
              ],
              outputs: ['positive', 'negative'],
            },
          },
        },
      ],
      outputs: ['y', 'z'],
    },
    feeds: [
      [0, 4],
      [1, 4],
      [1, 1],
    ].map(([c = 0, n = 0]) => ({ c: tensor(Uint8Array.of(c), [], 'bool'), x: random([n, 3]) })),
  },
]

describe('control flow that a run decides on agrees with ONNX Runtime', () => {
  test.each(
    cases
      .filter(({ name }) => !process.env.ONLY || name.includes(process.env.ONLY))
      .map((each) => [each.name, each] as const),
  )('%s', async (_name, { model, feeds }) => {
    await expectOpenAgrees(onnxModel(model), feeds)
  })
})

test('branches whose results differ in rank are refused by name', () => {
  const branch = (op: string, attrs: object) => ({
    nodes: [{ op, inputs: ['x'], outputs: [op], attrs }],
    outputs: [op],
  })
  const model = onnxModel({
    opset: 11,
    inputs: { c: flag, x: floats('n', 3) },
    nodes: [
      {
        op: 'If',
        name: 'choice',
        inputs: ['c'],
        outputs: ['y'],
        attrs: {
          then_branch: branch('Relu', {}),
          else_branch: branch('ReduceSum', { keepdims: 0, axes: [0] }),
        },
      },
    ],
    outputs: ['y'],
  } as unknown as ModelDescription)
  expect(() => importModel(model, { open: 'all' })).toThrow(/node 'choice' .*differ by more than extents/)
})
