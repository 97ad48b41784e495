import { type DType, elementCount, emptyTensor, type Tensor } from '#lib/tensor.js'

/** Reproducible numbers in [0, 1): a linear congruential generator with Knuth's constants. */
export function generator(seed = 1): () => number {
  let state = BigInt(seed)
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return Number(state >> 11n) / 2 ** 53
  }
}

/** Numbers in [low, high), rounded down for integer types; 0 or 1 for bool. */
export function randomTensor(
  shape: readonly number[],
  dtype: DType = 'float32',
  low = -2,
  high = 2,
  seed = 1,
): Tensor {
  const next = generator(seed + elementCount(shape))
  const result = emptyTensor(dtype, shape)
  const { data } = result
  for (let i = 0; i < data.length; i++) {
    const value = low + next() * (high - low)
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(Math.floor(value))
    else if (dtype === 'bool') data[i] = next() < 0.5 ? 0 : 1
    else data[i] = dtype.startsWith('float') ? value : Math.floor(value)
  }
  return result
}
