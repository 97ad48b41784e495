import type { OnnxNode } from '../node.js'
import { OpenShape } from '../value.js'

/** How windows slide over the spatial axes of an input [batch, channel, ...spatial]. */
export interface Geometry {
  /** Extents of the input's spatial axes; -1 where only a run knows. */
  readonly input: readonly number[]
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padBegin: readonly number[]
  readonly padEnd: readonly number[]
}

/** Reach of a dilated window. */
export function reach(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1
}

/** Reads the attributes that convolutions and pools share: kernel_shape, strides, dilations, pads or auto_pad. */
export function readGeometry(node: OnnxNode, shape: readonly number[], kernel: readonly number[]): Geometry {
  const input = shape.slice(2)
  const rank = input.length
  const { attrs } = node
  if (rank === 0) node.invalid(`an input of shape [${shape}] has no spatial axes`)
  const list = (name: string, otherwise: number, length = rank) => {
    const values = attrs.ints(name, new Array<number>(length).fill(otherwise))
    return values.length === length
      ? values
      : node.invalid(`${name} has ${values.length} values, ${length} are needed`)
  }
  if (kernel.length !== rank) node.invalid(`the kernel has ${kernel.length} axes, the input ${rank}`)
  const strides = list('strides', 1)
  const dilations = list('dilations', 1)
  if ([...strides, ...dilations, ...kernel].some((value) => value < 1))
    node.invalid('kernel, strides and dilations must be positive')
  const windows = { input, kernel, strides, dilations }
  const auto = attrs.string('auto_pad', 'NOTSET')
  if (auto === 'NOTSET' || auto === '') {
    const pads = list('pads', 0, 2 * rank)
    return { ...windows, padBegin: pads.slice(0, rank), padEnd: pads.slice(rank) }
  }
  if (auto === 'VALID') return { ...windows, padBegin: list('', 0), padEnd: list('', 0) }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return node.invalid(`auto_pad is '${auto}'`)
  const totals = input.map((extent, i) => {
    const stride = strides[i] as number
    const window = reach(kernel[i] as number, dilations[i] as number)
    // Whatever the extent is, windows one apart leave out one less than they are wide.
    if (stride === 1) return window - 1
    if (extent < 0) throw new OpenShape(`auto_pad ${auto} needs extents that only a run knows`)
    return Math.max((Math.ceil(extent / stride) - 1) * stride + window - extent, 0)
  })
  return { ...windows, ...splitPadding(totals, auto) }
}

/** Divides the padding of each axis between its ends; an odd one goes to the end for SAME_UPPER, else to the beginning. */
export function splitPadding(totals: readonly number[], auto: string): Pick<Geometry, 'padBegin' | 'padEnd'> {
  const small = totals.map((total) => Math.floor(total / 2))
  const large = totals.map((total, i) => total - (small[i] as number))
  return auto === 'SAME_UPPER' ? { padBegin: small, padEnd: large } : { padBegin: large, padEnd: small }
}
