import { TvmNodeError } from '../errors.js'
import type { TensorInfo } from '../session/artifact.js'
import { type NamedTensors, OPEN } from '../session/inputs.js'
import { isTensor, type Tensor, tensor } from '../tensor.js'

/** A batch cut into pieces of the size that a network takes. */
export interface SplitBatch {
  readonly pieces: readonly NamedTensors[]
  /** Puts the outputs of the pieces, in order, together again. @throws `ERR_INPUT` for an output without a batch axis */
  join(outputs: readonly NamedTensors[]): NamedTensors
}

/**
 * Cuts a batch of any size into pieces that fit the network, along the first axis. Inputs that fit as they are go with every
 * piece. A last piece that is short is filled up with its last sample; what comes of that is left out of the result.
 *
 * @throws `ERR_INPUT` when sizes of inputs do not go together. Other faults are left to the network's own check.
 */
export function splitBatch(inputs: NamedTensors, expected: readonly TensorInfo[]): SplitBatch {
  const batched = expected.filter(({ name, shape }) => differsInBatch(inputs[name], shape))
  if (batched.length === 0) return { pieces: [inputs], join: ([outputs]) => outputs as NamedTensors }
  const size = common(batched.map(({ name }) => [name, inputs[name]?.shape[0] as number]))
  const step = common(batched.map(({ name, shape }) => [name, shape[0] as number]))
  const count = Math.ceil(size / step)
  const pieces = Array.from({ length: count }, (_, i) => ({
    ...inputs,
    ...Object.fromEntries(batched.map(({ name }) => [name, samples(inputs[name] as Tensor, i * step, step)])),
  }))
  return { pieces, join: (outputs) => join(outputs, step, size) }
}

function differsInBatch(given: Tensor | undefined, shape: readonly number[]): boolean {
  if (!given || given.shape.length !== shape.length || shape.length === 0) return false
  const [size = 0, ...rest] = given.shape
  return (
    size > 0 && shape[0] !== OPEN && size !== shape[0] && rest.every((extent, i) => extent === shape[i + 1])
  )
}

function common(sizes: readonly (readonly [name: string, size: number])[]): number {
  const [first] = sizes as [readonly [string, number]]
  const other = sizes.find(([, size]) => size !== first[1])
  if (!other) return first[1]
  throw new TvmNodeError(
    'ERR_INPUT',
    `inputs '${first[0]}' and '${other[0]}' have batches of ${first[1]} and ${other[1]}`,
    { details: { sizes: Object.fromEntries(sizes) } },
  )
}

/** `count` samples from `start` on, a view where there are as many, else filled up. */
function samples(of: Tensor, start: number, count: number): Tensor {
  const [size = 0, ...rest] = of.shape
  const width = of.data.length / size
  if (!Number.isInteger(width)) {
    throw new TvmNodeError('ERR_INPUT', `a batch of ${of.dtype} of shape [${of.shape}] cannot be cut`)
  }
  const shape = [count, ...rest]
  const data = cut(of.data, start * width, (start + count) * width)
  if (data.length === count * width) return tensor(data, shape, of.dtype)
  const last = cut(data, data.length - width, data.length)
  const missing = count - data.length / width
  return tensor(concatenate([data, ...Array.from({ length: missing }, () => last)]), shape, of.dtype)
}

function join(outputs: readonly NamedTensors[], step: number, size: number): NamedTensors {
  const names = Object.keys(outputs[0] ?? {})
  return Object.fromEntries(
    names.map((name) => {
      const parts = outputs.map((each) => each[name] as Tensor)
      const { shape, dtype } = parts[0] as Tensor
      const [extent, ...rest] = shape
      if (extent !== step) {
        throw new TvmNodeError(
          'ERR_INPUT',
          `output '${name}' of shape [${shape}] has no batch axis of ${step}, so that batches of ${size} cannot be run in pieces`,
          { details: { name, shape } },
        )
      }
      const all = concatenate(parts.map(({ data }) => data))
      const width = all.length / (step * parts.length)
      return [name, tensor(cut(all, 0, size * width), [size, ...rest], dtype)]
    }),
  )
}

function cut(data: Tensor['data'], start: number, end: number): Tensor['data'] {
  return Array.isArray(data) ? data.slice(start, end) : data.subarray(start, end)
}

function concatenate(parts: readonly Tensor['data'][]): Tensor['data'] {
  const [first] = parts as [Tensor['data']]
  if (Array.isArray(first)) return (parts as string[][]).flat()
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const result = new (first.constructor as new (length: number) => Float32Array)(length)
  let at = 0
  for (const part of parts) {
    result.set(part as Float32Array, at)
    at += part.length
  }
  return result
}

/** Named tensors, copied; a single tensor takes the one name there is. */
export function namedCopy(tensors: NamedTensors | Tensor): NamedTensors | Tensor {
  if (isTensor(tensors)) return copy(tensors)
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, copy(tensor)]))
}

function copy(tensor: Tensor): Tensor {
  return { ...tensor, shape: [...tensor.shape], data: tensor.data.slice() }
}
