import type { Tensor } from '#lib/tensor.js'
import { type Conv2dCase, elements, indices, offset } from './reference.js'

/** Reproducible bytes that reach both ends of their range, where 16 bits would overflow. */
export function bytes(dtype: 'uint8' | 'int8', shape: readonly number[], seed: number): Tensor {
  let state = seed
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-128, 127]
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const draw = state >>> 24
    return draw < 64 ? low : draw < 128 ? high : low + draw
  }
  const values = Array.from({ length: elements(shape) }, next)
  return { dtype, shape, data: dtype === 'uint8' ? Uint8Array.from(values) : Int8Array.from(values) }
}

/** By the definition of the operator. */
export function convolution(data: Tensor, weight: Tensor, c: Conv2dCase): Tensor {
  const { strides = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], groups = 1 } = c
  const [batch, , ...size] = data.shape as [number, number, number, number]
  const [filters, perGroup, ...kernel] = weight.shape as [number, number, number, number]
  const out = size.map(
    (length, a) =>
      Math.floor(
        (length +
          (padding[a] as number) +
          (padding[2 + a] as number) -
          ((kernel[a] as number) - 1) * (dilation[a] as number) -
          1) /
          (strides[a] as number),
      ) + 1,
  )
  const shape = [batch, filters, ...out]
  const result = new Int32Array(elements(shape))
  const [x, w] = [data.data as Uint8Array, weight.data as Int8Array]
  let flat = 0
  for (const [n, f, oy, ox] of indices(shape) as Generator<[number, number, number, number]>) {
    const first = Math.floor(f / (filters / groups)) * perGroup
    let sum = 0
    for (const [ch, ky, kx] of indices([perGroup, ...kernel]) as Generator<[number, number, number]>) {
      const iy = oy * strides[0] + ky * dilation[0] - padding[0]
      const ix = ox * strides[1] + kx * dilation[1] - padding[1]
      if (iy < 0 || ix < 0 || iy >= size[0] || ix >= size[1]) continue
      sum +=
        (x[offset([n, first + ch, iy, ix], data.shape)] as number) *
        (w[offset([f, ch, ky, kx], weight.shape)] as number)
    }
    result[flat++] = sum
  }
  return { dtype: 'int32', shape, data: result }
}

/** The attributes of Relay's operator. */
export function attributesOf(c: Conv2dCase) {
  const { strides = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], groups = 1, kernel, filters } = c
  return { strides, padding, dilation, groups, channels: filters, kernel_size: kernel, out_dtype: 'int32' }
}
