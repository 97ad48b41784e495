import { TvmNodeError } from '../errors.js'
import { encodeBfloat16, encodeFloat16 } from '../float16.js'
import { elementCount, emptyTensor, type Tensor, tensorFromBytes } from '../tensor.js'
import type { TensorInfo } from './artifact.js'
import { type NamedTensors, OPEN } from './inputs.js'

/** The extent of an open axis of an input; undefined where none would be fair. */
export type ChooseExtent = (info: TensorInfo, axis: number) => number | undefined

/** An open batch is 1. */
const onlyBatch: ChooseExtent = (_info, axis) => (axis === 0 ? 1 : undefined)

/**
 * Inputs where none are given: standard normal numbers for floating types, any byte for 8-bit integers, 0 and 1 for the others, so
 * that they are valid as indices and masks. The same for every call with the same seed.
 *
 * @param seed - Any whole number but 0.
 * @throws `ERR_INPUT` for open dimensions for which `choose` has no extent
 */
export function sampleInputs(
  infos: readonly TensorInfo[],
  seed = 1,
  choose: ChooseExtent = onlyBatch,
): NamedTensors {
  const random = uniform(seed)
  return Object.fromEntries(infos.map((info) => [info.name, sample(closed(info, choose), random)]))
}

function closed(info: TensorInfo, choose: ChooseExtent): TensorInfo {
  const { name, shape } = info
  const extents = shape.map((extent, axis) => {
    const chosen = extent === OPEN ? choose(info, axis) : extent
    if (chosen !== undefined) return chosen
    throw new TvmNodeError(
      'ERR_INPUT',
      `dimension ${axis} of input '${name}' is open, so that there are no sample inputs; give inputs, on the command line --inputs`,
      { details: { name, shape } },
    )
  })
  return { ...info, shape: extents }
}

function sample({ dtype, shape }: TensorInfo, random: () => number): Tensor {
  const count = elementCount(shape)
  const normals = () => Array.from({ length: count }, () => normal(random))
  if (dtype === 'float16') return { dtype, shape, data: encodeFloat16(normals()) }
  if (dtype === 'bfloat16') return { dtype, shape, data: encodeBfloat16(normals()) }
  if (dtype === 'int8' || dtype === 'uint8') {
    const bytes = Uint8Array.from({ length: count }, () => Math.floor(random() * 256))
    return tensorFromBytes(dtype, shape, bytes)
  }
  const tensor = emptyTensor(dtype, shape)
  const { data } = tensor
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let i = 0; i < data.length; i++) data[i] = normal(random)
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) data[i] = BigInt(Math.round(random()))
  } else if (!Array.isArray(data)) {
    for (let i = 0; i < data.length; i++) data[i] = Math.round(random())
  }
  return tensor
}

/** The polar method's older sibling (Box and Muller, 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Numbers from 0 to below 1 (xorshift, Marsaglia, 2003). */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
