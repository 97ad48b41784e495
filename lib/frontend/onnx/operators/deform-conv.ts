import {
  add,
  broadcastTo,
  concatenate,
  emit,
  multiply,
  product,
  range,
  reshape,
  sliceAxis,
  transpose,
} from '../emit.js'
import { operator } from '../registry.js'
import { numbers } from '../value.js'
import { interpolate, linearTaps } from './interpolate.js'
import { unravel } from './unravel.js'

operator('DeformConv', {
  since: 19,
  required: 3,
  convert(node, [x, weight, offset, bias, mask]) {
    const { attrs } = node
    const [batch = 0, channels = 0, ...spatial] = x.shape
    const [outChannels = 0, groupChannels = 0, ...kernel] = weight.shape
    const output = offset.shape.slice(2)
    const rank = spatial.length
    const group = attrs.int('group', 1)
    const offsetGroups = attrs.int('offset_group', 1)
    const taps = product(kernel)
    if (groupChannels * group !== channels || offset.shape[1] !== offsetGroups * taps * rank)
      node.invalid(`shapes [${x.shape}], [${weight.shape}] and [${offset.shape}] do not fit each other`)
    const list = (name: string, otherwise: number) =>
      attrs.ints(name, new Array<number>(rank).fill(otherwise))
    const [strides, dilations] = [list('strides', 1), list('dilations', 1)]
    const pads = attrs.ints('pads', new Array<number>(2 * rank).fill(0))
    const points = product(output)
    const per = channels / offsetGroups
    const offsets = reshape(offset, [batch, offsetGroups, taps, rank, points])
    const columns = range(offsetGroups).map((g) => {
      const part = sliceAxis(x, 1, g * per, (g + 1) * per)
      const coordinates = range(rank).map((axis) => {
        const moved = sliceAxis(sliceAxis(offsets, 1, g, g + 1), 3, axis, axis + 1)
        const base = range(taps).flatMap((tap) =>
          range(points).map((point) => {
            const place = unravel(point, output)[axis] as number
            const within = unravel(tap, kernel)[axis] as number
            return (
              place * (strides[axis] as number) -
              (pads[axis] as number) +
              within * (dilations[axis] as number)
            )
          }),
        )
        return add(reshape(moved, [batch, taps * points]), numbers(base, offset.dtype, [1, taps * points]))
      })
      const sampled = interpolate(part, coordinates.map(linearTaps), undefined)
      const factors = mask && sliceAxis(reshape(mask, [batch, offsetGroups, taps * points]), 1, g, g + 1)
      return factors ? multiply(sampled, factors) : sampled
    })
    const inner = groupChannels * taps
    const matrix = reshape(concatenate(columns, 1), [batch * group, inner, points])
    const rows = reshape(weight, [1, group, outChannels / group, inner])
    const weights = reshape(broadcastTo(rows, [batch, group, outChannels / group, inner]), [
      batch * group,
      outChannels / group,
      inner,
    ])
    const result = emit('nn.batch_matmul', [weights, transpose(matrix, [0, 2, 1])], {
      out_dtype: x.dtype,
      transpose_a: false,
      transpose_b: true,
    })
    const shaped = reshape(result, [batch, outChannels, ...output])
    return bias ? add(shaped, reshape(bias, [outChannels, ...new Array<number>(rank).fill(1)])) : shaped
  },
})
