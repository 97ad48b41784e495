import type { Tensor } from '../../tensor.js'
import { compactStrides, copyView } from './strided.js'

interface LayoutAxis {
  /** Upper-case name of the axis it belongs to. */
  readonly primal: string
  /** Extent of a sub-axis such as the `16c` of `NCHW16c`; 0 for the axis itself. */
  readonly factor: number
}

function parse(layout: string): LayoutAxis[] {
  return [...layout.matchAll(/(\d*)([A-Za-z])/g)].map(([, factor, letter]) => ({
    primal: (letter as string).toUpperCase(),
    factor: letter === (letter as string).toUpperCase() ? 0 : Number(factor),
  }))
}

/**
 * Stride of each axis of `layout` within a compact tensor of the plain axes: a sub-axis counts single elements of its
 * axis (times the factors to its right of the same axis), the outer axis counts whole blocks.
 */
function stridesOver(axes: readonly LayoutAxis[], plain: ReadonlyMap<string, number>): number[] {
  const block = new Map<string, number>()
  const strides = new Array<number>(axes.length)
  for (let i = axes.length - 1; i >= 0; i--) {
    const { primal, factor } = axes[i] as LayoutAxis
    if (factor === 0) continue
    const inner = block.get(primal) ?? 1
    strides[i] = inner * (plain.get(primal) as number)
    block.set(primal, inner * factor)
  }
  for (const [i, { primal, factor }] of axes.entries()) {
    if (factor === 0) strides[i] = (block.get(primal) ?? 1) * (plain.get(primal) as number)
  }
  return strides
}

/**
 * Rearranges a tensor between two layouts in TVM's notation, for example `OIHW` to `OIHW8i16o`. Undefined where blocks do
 * not divide an axis, which pads and is left to the library (TVM v0.18, include/tvm/topi/transform.h, layout_transform).
 */
export function layoutTransform(source: Tensor, from: string, to: string): Tensor | undefined {
  const fromAxes = parse(from)
  const toAxes = parse(to)
  const plainNames = fromAxes.filter(({ factor }) => factor === 0).map(({ primal }) => primal)
  const extents = new Map<string, number>(plainNames.map((name) => [name, 1]))
  for (const [i, { primal }] of fromAxes.entries()) {
    extents.set(primal, (extents.get(primal) as number) * (source.shape[i] as number))
  }
  const plainShape = plainNames.map((name) => extents.get(name) as number)
  const plainStrides = compactStrides(plainShape)
  const strideOf = new Map(plainNames.map((name, i) => [name, plainStrides[i] as number]))

  const shape: number[] = []
  for (const { primal, factor } of toAxes) {
    if (factor !== 0) {
      shape.push(factor)
      continue
    }
    const blocks = toAxes.filter((axis) => axis.primal === primal && axis.factor !== 0)
    const size = blocks.reduce((total, axis) => total * axis.factor, 1)
    const extent = extents.get(primal)
    if (extent === undefined || extent % size !== 0) return undefined
    shape.push(extent / size)
  }
  const plain =
    fromAxes.length === plainNames.length ? source : toPlain(source, fromAxes, plainShape, plainNames)
  return copyView(plain, { shape, strides: stridesOver(toAxes, strideOf), offset: 0 })
}

/** Undoes the blocks of a blocked tensor: a view in which each axis is followed by its own sub-axes, read compactly. */
function toPlain(
  source: Tensor,
  axes: readonly LayoutAxis[],
  shape: readonly number[],
  names: readonly string[],
): Tensor {
  const strides = compactStrides(source.shape)
  const order = names.flatMap((name) => [
    axes.findIndex((axis) => axis.primal === name && axis.factor === 0),
    ...axes.flatMap((axis, i) => (axis.primal === name && axis.factor !== 0 ? [i] : [])),
  ])
  const view = {
    shape: order.map((i) => source.shape[i] as number),
    strides: order.map((i) => strides[i] as number),
    offset: 0,
  }
  return copyView(source, view, shape)
}
