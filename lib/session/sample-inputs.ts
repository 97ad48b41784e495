import { emptyTensor, type Tensor } from '../tensor.js'
import type { TensorInfo } from './artifact.js'
import type { NamedTensors } from './inputs.js'

/**
 * Inputs for measuring where none are given: standard normal numbers for floating types, 0 and 1 for the others, so that
 * they are valid as indices and masks. The same for every call.
 */
export function sampleInputs(infos: readonly TensorInfo[]): NamedTensors {
  const random = uniform(1)
  return Object.fromEntries(infos.map((info) => [info.name, sample(info, random)]))
}

function sample({ dtype, shape }: TensorInfo, random: () => number): Tensor {
  const tensor = emptyTensor(dtype, shape)
  const { data } = tensor
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let i = 0; i < data.length; i++) data[i] = normal(random)
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) data[i] = BigInt(Math.round(random()))
  } else if (dtype === 'float16') {
    // 0 or 1 in the bits of half precision.
    for (let i = 0; i < data.length; i++) data[i] = random() < 0.5 ? 0 : 0x3c00
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
