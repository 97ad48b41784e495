import type { Tensor } from '../../tensor.js'
import { emptyTensor } from '../../tensor.js'

/** Extents and element strides of a view; strides of 0 repeat, negative ones run backwards. */
export interface View {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  /** Index of the first element. */
  readonly offset: number
}

export function product(shape: readonly number[]): number {
  return shape.reduce((total, dim) => total * dim, 1)
}

/** Row-major strides of a compact tensor, in elements. */
export function compactStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis] as number
  }
  return strides
}

/** Strides that repeat a tensor of `shape` over `target` by NumPy's broadcasting rules. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = compactStrides(shape)
  const lead = target.length - shape.length
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : (own[axis - lead] as number)))
}

/**
 * Calls `row(start, destination)` for each innermost row of a view: `start` indexes the source, `destination` counts the
 * elements of the compact result.
 */
export function forEachRow(view: View, row: (start: number, destination: number) => void): void {
  const { shape, strides } = view
  const rank = shape.length
  const width = rank === 0 ? 1 : (shape[rank - 1] as number)
  const rows = rank === 0 ? 1 : product(shape.slice(0, -1))
  const index = new Array<number>(Math.max(rank - 1, 0)).fill(0)
  let start = view.offset
  for (let n = 0; n < rows; n++) {
    row(start, n * width)
    for (let axis = rank - 2; axis >= 0; axis--) {
      start += strides[axis] as number
      if (++(index[axis] as number) < (shape[axis] as number)) break
      start -= (strides[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
}

/** Copies a view of `source` into a new compact tensor of shape `shape` (default: the view's own). */
export function copyView(source: Tensor, view: View, shape: readonly number[] = view.shape): Tensor {
  const result = emptyTensor(source.dtype, shape)
  copyInto(result.data as unknown[], 0, source.data as unknown[], view)
  return result
}

function copyInto(to: unknown[], at: number, from: unknown[], view: View): void {
  if (product(view.shape) === 0) return
  const rank = view.shape.length
  const width = rank === 0 ? 1 : (view.shape[rank - 1] as number)
  const step = rank === 0 ? 1 : (view.strides[rank - 1] as number)
  forEachRow(view, (start, destination) => {
    let source = start
    const end = at + destination + width
    for (let d = at + destination; d < end; d++) {
      to[d] = from[source]
      source += step
    }
  })
}
