import {
  add,
  broadcastTo,
  cast,
  emit,
  greater,
  less,
  maximum,
  multiply,
  range,
  reduce,
  reshape,
  sliceAxis,
  subtract,
  transpose,
  where,
} from '../emit.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'
import { inside, interpolate, linearTaps, type Tap } from './interpolate.js'

operator('RoiAlign', {
  since: 10,
  required: 3,
  convert(node, [x, rois, batchIndices]) {
    const { attrs } = node
    const [, channels = 0, height = 0, width = 0] = x.shape
    const count = rois.shape[0] ?? 0
    if (x.rank !== 4 || rois.rank !== 2 || rois.shape[1] !== 4)
      node.invalid(`shapes [${x.shape}] and [${rois.shape}] are no image and regions`)
    const [rows, columns] = [attrs.int('output_height', 1), attrs.int('output_width', 1)]
    const samples = attrs.int('sampling_ratio', 0)
    if (samples < 1)
      node.unsupported(
        'sampling_ratio 0 takes as many samples as the regions are large, which only a run knows',
      )
    const scale = attrs.float('spatial_scale', 1)
    const halfPixel =
      node.opset >= 16 && attrs.string('coordinate_transformation_mode', 'half_pixel') === 'half_pixel'
    const side = (i: number) => {
      const scaled = multiply(sliceAxis(rois, 1, i, i + 1), scale)
      return halfPixel ? subtract(scaled, 0.5) : scaled
    }
    /** The samples on one axis: [regions, bins * samples]. */
    const along = (start: Value, end: Value, bins: number) => {
      const length = halfPixel ? subtract(end, start) : maximum(subtract(end, start), 1)
      const shares = range(bins * samples).map((i) => (i + 0.5) / (bins * samples))
      return add(start, multiply(length, numbers(shares, rois.dtype, [1, bins * samples])))
    }
    const [left, top, right, bottom] = range(4).map(side) as [Value, Value, Value, Value]
    const [gridRows, gridColumns] = [rows * samples, columns * samples]
    const points = gridRows * gridColumns
    const full = (value: Value, shape: readonly number[]) =>
      reshape(broadcastTo(reshape(value, shape), [count, gridRows, gridColumns]), [1, count * points])
    const y = full(along(top, bottom, rows), [count, gridRows, 1])
    const at = full(along(left, right, columns), [count, 1, gridColumns])
    const taps = (coordinate: Value, extent: number) => linearTaps(inside(coordinate, extent))
    const image = cast(full(reshape(batchIndices, [count, 1, 1]), [count, 1, 1]), rois.dtype)
    // The image that a region lies in is one more axis.
    const volume = reshape(transpose(x, [1, 0, 2, 3]), [1, channels, x.shape[0] as number, height, width])
    const axes = [[{ place: image, weight: undefined }], taps(y, height), taps(at, width)]
    const isMaximum = attrs.string('mode', 'avg') === 'max'
    const outside = (coordinate: Value, extent: number) =>
      emit('logical_or', [less(coordinate, -1), greater(coordinate, extent)])
    const away = reshape(emit('logical_or', [outside(y, height), outside(at, width)]), [1, 1, count * points])
    const none = scalar(0, x.dtype)
    const keep = (value: Value) =>
      where(broadcastTo(away, value.shape), broadcastTo(none, value.shape), value)
    const grouped = (value: Value) => reshape(value, [channels, count, rows, samples, columns, samples])
    const sampled = isMaximum
      ? reduce('max', grouped(keep(largestTerm(volume, axes))), [3, 5])
      : reduce('mean', grouped(keep(interpolate(volume, axes, inside))), [3, 5])
    return transpose(sampled, [1, 0, 2, 3])
  },
})

/** The largest of the weighted neighbours, which ONNX's RoiAlign takes a maximum over. */
function largestTerm(x: Value, taps: readonly (readonly Tap[])[]): Value {
  const [image = [], rows = [], columns = []] = taps
  const terms = rows.flatMap((row) =>
    columns.map((column) => interpolate(x, [image, [row], [column]], inside)),
  )
  return terms.reduce((a, b) => maximum(a, b))
}
