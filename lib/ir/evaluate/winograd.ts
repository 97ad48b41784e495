import { emptyTensor } from '../../tensor.js'
import { extent } from '../type.js'
import { winogradMatrices } from '../winograd.js'
import type { Evaluator } from './evaluator.js'

/** Weights [K, C, r, r] as [m + r - 1, m + r - 1, K, C], which products with transformed tiles of the input take. */
export const winogradWeights: Evaluator = ([weight], attrs, { shape, dtype }) => {
  if (weight?.dtype !== 'float32' || weight.shape[2] !== weight.shape[3]) return undefined
  const [filters, channels, r] = weight.shape as [number, number, number]
  const { filter } = winogradMatrices(extent(attrs.get('tile_size')), r)
  const e = filter.length
  const from = weight.data as Float32Array
  const result = emptyTensor(dtype, shape)
  const to = result.data as Float32Array
  const each = filters * channels
  const half = new Float64Array(e * r)
  const rows = filter.map((row) => Float64Array.from(row))
  for (let i = 0; i < each; i++) {
    const at = i * r * r
    for (let y = 0; y < e; y++) {
      for (let x = 0; x < r; x++) {
        let sum = 0
        for (let k = 0; k < r; k++)
          sum += ((rows[y] as Float64Array)[k] as number) * (from[at + k * r + x] as number)
        half[y * r + x] = sum
      }
    }
    for (let y = 0; y < e; y++) {
      for (let x = 0; x < e; x++) {
        let sum = 0
        for (let k = 0; k < r; k++)
          sum += ((rows[x] as Float64Array)[k] as number) * (half[y * r + k] as number)
        to[(y * e + x) * each + i] = sum
      }
    }
  }
  return result
}
