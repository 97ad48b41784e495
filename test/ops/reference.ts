/** Plain loops in double precision that say what an operator computes, independent of how the product computes it. */

export interface Array32 {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export const elements = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1)

/** Reproducible numbers between -1 and 1. */
export function random(shape: readonly number[], seed = 1): Array32 {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  return { shape, data: Float32Array.from({ length: elements(shape) }, next) }
}

export interface ConvOptions {
  readonly strides: readonly number[]
  /** Begins of all spatial axes, then ends. */
  readonly padding: readonly number[]
  readonly dilation: readonly number[]
  readonly groups: number
}

/** A convolution of any spatial rank, as tests list them; see `convolution` for the axes. */
export interface ConvCase {
  readonly data: readonly number[]
  readonly weight: readonly number[]
  readonly strides: readonly number[]
  readonly padding: readonly number[]
  readonly dilation?: readonly number[]
  readonly groups?: number
  readonly outputPadding?: readonly number[]
}

/** A convolution over images, as tests list them. */
export interface Conv2dCase {
  /** [batch, channels, height, width] */
  readonly data: readonly [number, number, number, number]
  readonly filters: number
  readonly kernel: readonly [number, number]
  readonly strides?: readonly [number, number]
  /** [top, left, bottom, right] */
  readonly padding?: readonly [number, number, number, number]
  readonly dilation?: readonly [number, number]
  readonly groups?: number
}

export function offset(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((at, i, axis) => at * (shape[axis] as number) + i, 0)
}

export function* indices(shape: readonly number[]): Generator<number[]> {
  const total = elements(shape)
  for (let flat = 0; flat < total; flat++) {
    const index: number[] = []
    for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
      index.unshift(rest % (shape[axis] as number))
      rest = Math.floor(rest / (shape[axis] as number))
    }
    yield index
  }
}

/** Convolution of any spatial rank: data [batch, channels, ...], weight [filters, channels / groups, ...]. */
export function convolution(data: Array32, weight: Array32, options: ConvOptions): Array32 {
  const { strides, padding, dilation, groups } = options
  const rank = strides.length
  const [batch, , ...size] = data.shape as [number, number, ...number[]]
  const [filters, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const out = size.map((length, a) => {
    const reach = ((kernel[a] as number) - 1) * (dilation[a] as number) + 1
    const padded = length + (padding[a] as number) + (padding[rank + a] as number)
    return Math.floor((padded - reach) / (strides[a] as number)) + 1
  })
  const shape = [batch, filters, ...out]
  const result = new Float32Array(elements(shape))
  let flat = 0
  const taps = [...indices([perGroup, ...kernel])] as [number, ...number[]][]
  const dims = data.shape
  for (const [n, f, ...at] of indices(shape) as Generator<[number, number, ...number[]]>) {
    const first = Math.floor(f / (filters / groups)) * perGroup
    let sum = 0
    for (let t = 0; t < taps.length; t++) {
      const tap = taps[t] as number[]
      let place = n * (dims[1] as number) + first + (tap[0] as number)
      let inside = true
      for (let a = 0; a < rank; a++) {
        const reach = (tap[1 + a] as number) * (dilation[a] as number)
        const i = (at[a] as number) * (strides[a] as number) + reach - (padding[a] as number)
        inside &&= i >= 0 && i < (size[a] as number)
        place = place * (size[a] as number) + i
      }
      if (inside) sum += (data.data[place] as number) * (weight.data[f * taps.length + t] as number)
    }
    result[flat++] = sum
  }
  return { shape, data: result }
}

/**
 * Transposed convolution of any spatial rank: every input element adds its weighted kernel to the output; data
 * [batch, channels, ...], weight [channels, filters / groups, ...].
 */
export function transposedConvolution(
  data: Array32,
  weight: Array32,
  options: ConvOptions & { readonly outputPadding: readonly number[] },
): Array32 {
  const { strides, padding, dilation, groups, outputPadding } = options
  const rank = strides.length
  const [batch, channels, ...size] = data.shape as [number, number, ...number[]]
  const [, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const out = size.map((length, a) => {
    const reach = ((kernel[a] as number) - 1) * (dilation[a] as number) + 1
    const cropped = (padding[a] as number) + (padding[rank + a] as number)
    return (length - 1) * (strides[a] as number) + reach - cropped + (outputPadding[a] as number)
  })
  const shape = [batch, perGroup * groups, ...out]
  const sums = new Float64Array(elements(shape))
  for (const [n, c, ...at] of indices(data.shape) as Generator<[number, number, ...number[]]>) {
    const group = Math.floor(c / (channels / groups))
    const x = data.data[offset([n, c, ...at], data.shape)] as number
    for (const [f, ...k] of indices([perGroup, ...kernel]) as Generator<[number, ...number[]]>) {
      const to = at.map(
        (i, a) =>
          i * (strides[a] as number) + (k[a] as number) * (dilation[a] as number) - (padding[a] as number),
      )
      if (to.some((i, a) => i < 0 || i >= (out[a] as number))) continue
      const where = offset([n, group * perGroup + f, ...to], shape)
      sums[where] = (sums[where] as number) + x * (weight.data[offset([c, f, ...k], weight.shape)] as number)
    }
  }
  return { shape, data: Float32Array.from(sums) }
}

/** `a` [batch, M, K] times `b` [batch or 1, K, N]. */
export function matrixProduct(a: Array32, b: Array32): Array32 {
  const [batch, rows, depth] = a.shape as [number, number, number]
  const [batchB, , columns] = b.shape as [number, number, number]
  const shape = [batch, rows, columns]
  const result = new Float32Array(elements(shape))
  let flat = 0
  for (const [n, i, j] of indices(shape) as Generator<[number, number, number]>) {
    let sum = 0
    for (let k = 0; k < depth; k++) {
      const y = b.data[offset([batchB === 1 ? 0 : n, k, j], b.shape)] as number
      sum += (a.data[offset([n, i, k], a.shape)] as number) * y
    }
    result[flat++] = sum
  }
  return { shape, data: result }
}

/** The last two axes exchanged. */
export function transposed(x: Array32): Array32 {
  const [batch, rows, columns] = x.shape as [number, number, number]
  const shape = [batch, columns, rows]
  const data = Float32Array.from(indices(shape), ([n, j, i]: number[]) => {
    return x.data[offset([n as number, i as number, j as number], x.shape)] as number
  })
  return { shape, data }
}
