import { native } from '../../native.js'
import { emptyTensor, type Tensor, type TypedArray } from '../../tensor.js'

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

/** The elements of a constant, which are never strings: the library has no arrays of those. */
export function memory(tensor: Tensor): TypedArray {
  return tensor.data as TypedArray
}

/** Copies a view of `source` into a new compact tensor of shape `shape` (default: the view's own). */
export function copyView(source: Tensor, view: View, shape: readonly number[] = view.shape): Tensor {
  const result = emptyTensor(source.dtype, shape)
  copyInto(result, { shape: view.shape, strides: compactStrides(view.shape), offset: 0 }, source, view)
  return result
}

/** Copies between views of the same shape. */
export function copyInto(target: Tensor, to: View, source: Tensor, from: View): void {
  const [into, out] = [memory(target), memory(source)]
  native.stridedCopy(
    into,
    to.strides,
    to.offset,
    out,
    from.strides,
    from.offset,
    to.shape,
    out.BYTES_PER_ELEMENT,
  )
}

/** A compact copy, repeated over `shape` by NumPy's broadcasting rules. */
export function broadcast(x: Tensor, shape: readonly number[]): Tensor {
  return copyView(x, { shape, strides: broadcastStrides(x.shape, shape), offset: 0 })
}
