import { add, emit, maximum, multiply, subtract } from '../emit.js'
import { dividedUp, type Extent, extentOf, extentValue } from '../extents.js'
import type { OnnxNode } from '../node.js'
import type { Value } from '../value.js'
import { reach } from './geometry.js'
import { padOpen } from './pad.js'

/**
 * A node whose `auto_pad` asks for as many windows as strides fit an axis, with its input: where only a run knows how much padding that
 * needs, the input is padded before and the node asks for none.
 */
export function padSame(
  node: OnnxNode,
  data: Value,
  kernel: readonly number[],
  fill: Value,
): { readonly node: OnnxNode; readonly data: Value } {
  const { attrs } = node
  const spatial = kernel.map((_, i) => 2 + i)
  const strides = attrs.ints(
    'strides',
    kernel.map(() => 1),
  )
  const auto = attrs.string('auto_pad', 'NOTSET')
  const isLeftToRun = spatial.some((axis, i) => (data.dims[axis] as number) < 0 && strides[i] !== 1)
  if (!auto.startsWith('SAME') || !isLeftToRun) return { node, data }
  const dilations = attrs.ints(
    'dilations',
    kernel.map(() => 1),
  )
  const ends = spatial.map((axis, i): [Extent, Extent] => {
    const [stride, window] = [strides[i] as number, reach(kernel[i] as number, dilations[i] as number)]
    const length = extentValue(extentOf(data, axis))
    const last = multiply(subtract(extentValue(dividedUp(length, stride)), 1), stride)
    const total = maximum(subtract(add(last, window), length), 0)
    const small = emit('floor_divide', [total, extentValue(2)])
    const large = subtract(total, small)
    return auto === 'SAME_UPPER' ? [small, large] : [large, small]
  })
  return {
    node: node.without('auto_pad'),
    data: padOpen(node, data, [[0, 0], [0, 0], ...ends], 'constant', fill),
  }
}
