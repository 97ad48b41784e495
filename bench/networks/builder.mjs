// Writes ONNX networks with random weights: what is known of a tensor while a network is put together is its shape.
import { message } from '#lib/frontend/onnx/schema.js'

const FLOAT = 1
const INT64 = 7

/** A tensor of the network that is being built. */
export class Value {
  constructor(network, name, shape) {
    Object.assign(this, { network, name, shape })
  }
}

/** Normally distributed numbers, the same in each run. */
function* gaussians(seed) {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  for (;;) yield Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

export class Network {
  #nodes = []
  #initializers = []
  #inputs = []
  #random = gaussians(1)

  input(...shape) {
    const name = `input${this.#inputs.length}`
    const dim = shape.map((dimValue) => ({ dimValue }))
    this.#inputs.push({ name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } })
    return new Value(this, name, shape)
  }

  /** Weights of this deviation around `mean`. */
  weights(shape, deviation, mean = 0) {
    const data = Float32Array.from(
      { length: count(shape) },
      () => mean + deviation * this.#random.next().value,
    )
    return this.#constant(shape, FLOAT, data)
  }

  numbers(values, shape = [values.length]) {
    return this.#constant(shape, FLOAT, Float32Array.from(values))
  }

  integers(values, shape = [values.length]) {
    return this.#constant(shape, INT64, BigInt64Array.from(values, BigInt))
  }

  /** One node; the shapes of its results are given. */
  node(opType, inputs, shapes, attrs = {}) {
    const at = this.#nodes.length
    const outputs = shapes.map((shape, i) => new Value(this, `${opType}_${at}_${i}`, shape))
    this.#nodes.push({
      opType,
      name: `${opType}_${at}`,
      input: inputs.map((each) => each?.name ?? ''),
      output: outputs.map(({ name }) => name),
      attribute: Object.entries(attrs).map(([name, value]) => attribute(name, value)),
    })
    return outputs
  }

  /** The bytes of the network with these results. */
  model(...outputs) {
    const proto = message('ModelProto')
    return proto
      .encode({
        irVersion: 8,
        opsetImport: [{ domain: '', version: 17 }],
        graph: {
          name: 'network',
          node: this.#nodes,
          input: this.#inputs,
          output: outputs.map(({ name }) => ({ name })),
          initializer: this.#initializers,
        },
      })
      .finish()
  }

  #constant(dims, dataType, data) {
    const name = `w${this.#initializers.length}`
    this.#initializers.push({ name, dataType, dims, rawData: new Uint8Array(data.buffer) })
    return new Value(this, name, dims)
  }
}

export const count = (shape) => shape.reduce((product, extent) => product * extent, 1)

/** Integers and arrays of them, texts, and `{ float }`. */
function attribute(name, value) {
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) }
  if (Array.isArray(value)) return { name, type: 7, ints: value }
  return { name, type: 1, f: value.float }
}
