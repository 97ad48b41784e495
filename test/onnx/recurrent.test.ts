import { describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { readArtifact } from '#lib/session/artifact.js'
import { tensor } from '#lib/tensor.js'
import { float, floats } from '../support/onnx-writer.js'
import { type Case, describeFamilies, modelOf } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const [steps, batch, width, hidden] = [5, 3, 4, 6]
const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const
type Op = keyof typeof gates

/** A layer with as many of its inputs as `parts` names. */
function layer(op: Op, directions: 1 | 2, parts: readonly string[], attrs: Case['attrs'] = {}): Case {
  const rows = gates[op] * hidden
  const all: Case['feeds'] = {
    b: random([directions, 2 * rows], 'float32', -1, 1, 4),
    lengths: tensor(Int32Array.of(5, 1, 3)),
    h: random([directions, batch, hidden], 'float32', -1, 1, 5),
    c: random([directions, batch, hidden], 'float32', -1, 1, 6),
    p: random([directions, 3 * hidden], 'float32', -1, 1, 7),
  }
  const optional = op === 'LSTM' ? ['b', 'lengths', 'h', 'c', 'p'] : ['b', 'lengths', 'h']
  const used = optional.filter((name) => parts.includes(name))
  const pick = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, all[name] as never]))
  return {
    op,
    opsets: [14],
    feeds: {
      x: random([steps, batch, width]),
      ...pick(used.filter((name) => name === 'lengths' || name === 'h' || name === 'c')),
    },
    stored: {
      w: random([directions, rows, width], 'float32', -1, 1, 2),
      r: random([directions, rows, hidden], 'float32', -1, 1, 3),
      ...pick(used.filter((name) => name === 'b' || name === 'p')),
    },
    order: ['x', 'w', 'r', ...optional.map((name) => (parts.includes(name) ? name : ''))],
    attrs: { hidden_size: hidden, ...(directions === 2 ? { direction: 'bidirectional' } : {}), ...attrs },
    outputs: op === 'LSTM' ? 3 : 2,
  }
}

const every = ['b', 'lengths', 'h', 'c', 'p']
const common = (op: Op): Case[] => [
  layer(op, 1, []),
  layer(op, 1, ['b'], { direction: 'reverse' }),
  layer(op, 1, ['b', 'lengths'], { direction: 'reverse' }),
  layer(op, 2, every),
  layer(op, 1, ['b', 'h'], { clip: float(0.4) }),
]

describeFamilies({
  RNN: [
    ...common('RNN'),
    ...[
      'Relu',
      'Sigmoid',
      'Softsign',
      'Softplus',
      'Elu',
      'HardSigmoid',
      'LeakyRelu',
      'ThresholdedRelu',
      'ScaledTanh',
      'Affine',
    ].map((name) =>
      layer('RNN', 1, ['b'], {
        activations: [name],
        ...(/Elu|Hard|Leaky|Thresh|Scaled|Affine/.test(name) ? { activation_alpha: floats(0.3) } : {}),
        ...(/Hard|Scaled|Affine/.test(name) ? { activation_beta: floats(0.6) } : {}),
      }),
    ),
    layer('RNN', 2, ['b'], { activations: ['LeakyRelu', 'Tanh'], activation_alpha: floats(0.2) }),
  ],
  GRU: [
    ...common('GRU'),
    layer('GRU', 2, every, { linear_before_reset: 1 }),
    layer('GRU', 1, [], { linear_before_reset: 1 }),
  ],
  LSTM: [
    ...common('LSTM'),
    layer('LSTM', 1, ['b', 'p'], { input_forget: 1 }),
    layer('LSTM', 2, ['b'], { activations: ['HardSigmoid', 'Relu', 'Tanh', 'Sigmoid', 'Tanh', 'Softsign'] }),
  ],
})

describe('limits', () => {
  test('sequences that are too long to write out are refused', () => {
    const long = { ...layer('LSTM', 1, []), feeds: { x: random([513, 1, width]) } }
    expect(() => importModel(modelOf(long, 14))).toThrow(/513 steps; at most 512/)
  })
  test('weights of another size are refused', () => {
    const wrong = { ...layer('GRU', 1, []), feeds: { x: random([steps, batch, width + 1]) } }
    expect(() => importModel(modelOf(wrong, 14))).toThrow(/do not fit 1 direction/)
  })
})

test.each(['RNN', 'GRU', 'LSTM'] as const)('the steps of %s share their weights', async (op) => {
  const model = modelOf(layer(op, 1, ['b']), 14)
  await using artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v3' })
  const { members } = await readArtifact(artifact.path)
  // Weights of floats, a bias, states of zeros, and what names them.
  const weights = 4 * gates[op] * hidden * (width + hidden + 2)
  expect(members['params.bin']?.length).toBeLessThan(weights + 4 * batch * hidden + 1024)
})
