import { add, broadcastTo, emit, multiply, product, range, reshape, sliceAxis, subtract } from '../emit.js'
import { operator } from '../registry.js'
import { numbers, type Value } from '../value.js'
import { roundToEven } from './elementwise.js'
import { type Border, cubicTaps, inside, interpolate, linearTaps, reflect, type Tap } from './interpolate.js'

const interpolations: Readonly<Record<string, (coordinate: Value) => Tap[]>> = {
  // Halves go to the even neighbour.
  nearest: (coordinate) => [{ place: roundToEven(coordinate), weight: undefined }],
  linear: linearTaps,
  cubic: cubicTaps,
}
/** The names that modes had before opset 20. */
const formerModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' }

operator('GridSample', {
  since: 16,
  required: 2,
  convert(node, [x, grid]) {
    const { attrs } = node
    const mode = attrs.string('mode', 'linear')
    const taps = interpolations[formerModes[mode] ?? mode]
    const [batch = 0, channels = 0, ...spatial] = x.shape
    const output = grid.shape.slice(1, -1)
    if (grid.rank !== x.rank || grid.shape[0] !== batch || grid.shape.at(-1) !== spatial.length)
      node.invalid(`shapes [${x.shape}] and [${grid.shape}] do not fit each other`)
    if (!taps) return node.invalid(`mode is '${mode}'`)
    const align = attrs.flag('align_corners')
    const mirror: Border = (place, extent) =>
      align ? reflect(place, 0, extent - 1) : reflect(place, -0.5, extent - 0.5)
    const borders: Readonly<Record<string, Border>> = { zeros: undefined, border: inside, reflection: mirror }
    const padding = attrs.string('padding_mode', 'zeros')
    if (!(padding in borders)) node.invalid(`padding_mode is '${padding}'`)
    const border = borders[padding]
    const points = reshape(grid, [batch, product(output), spatial.length])
    const coordinates = spatial.map((extent, axis) => {
      // The grid gives the last axis first; -1 and 1 are the ends.
      const last = spatial.length - 1 - axis
      const at = reshape(sliceAxis(points, 2, last, last + 1), [batch, product(output)])
      const coordinate = align
        ? multiply(add(at, 1), (extent - 1) / 2)
        : subtract(multiply(add(at, 1), extent / 2), 0.5)
      // A cubic kernel mirrors its taps, the others what they take them from.
      return border && taps !== cubicTaps ? border(coordinate, extent) : coordinate
    })
    return reshape(interpolate(x, coordinates.map(taps), border), [batch, channels, ...output])
  },
})

operator('AffineGrid', {
  since: 20,
  required: 2,
  convert(node, [theta, size]) {
    const [batch = 0, , ...spatial] = node.numbers(size, 'size')
    const rank = spatial.length
    if (String(theta.shape) !== String([batch, rank, rank + 1]))
      node.invalid(`theta of shape [${theta.shape}] does not fit size [${node.numbers(size, 'size')}]`)
    const align = node.attrs.flag('align_corners')
    const along = (i: number, extent: number) => {
      if (align) return extent === 1 ? 0 : -1 + (2 * i) / (extent - 1)
      return (2 * i + 1) / extent - 1
    }
    const count = product(spatial)
    // Homogeneous coordinates of all points, last axis first.
    const points = range(count).flatMap((flat) => {
      let rest = flat
      const reversed = [...spatial].reverse().map((extent) => {
        const i = rest % extent
        rest = Math.floor(rest / extent)
        return along(i, extent)
      })
      return [...reversed, 1]
    })
    const base = broadcastTo(numbers(points, theta.dtype, [1, count, rank + 1]), [batch, count, rank + 1])
    const grid = emit('nn.batch_matmul', [base, theta], {
      out_dtype: theta.dtype,
      transpose_a: false,
      transpose_b: true,
    })
    return reshape(grid, [batch, ...spatial, rank])
  },
})
