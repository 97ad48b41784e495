import { UNKNOWN_DIM } from '../../../ir/type.js'
import {
  concatenate,
  emit,
  greaterEqual,
  less,
  maximum,
  minimum,
  multiply,
  padRank,
  range,
  reshape,
  sliceAxis,
  subtract,
  takeAxis,
  where,
} from '../emit.js'
import { countTo, type Extent, extentOf, extentsIn, extentValue, plus, takeAt } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'

/** Pads [begin..., end...] of all axes; negative ones cut off. */
function pad(node: OnnxNode, x: Value, pads: readonly number[], mode: string, fill: Value): Value {
  if (pads.length !== 2 * x.rank) node.invalid(`${pads.length} pads do not fit ${x.rank} axes`)
  const ends = range(x.rank).map((axis) => [pads[axis], pads[axis + x.rank]] as [number, number])
  if (
    ends.some(
      ([begin, end], axis) => x.dims[axis] === UNKNOWN_DIM && (mode !== 'constant' || begin < 0 || end < 0),
    )
  )
    return padOpen(node, x, ends, mode, fill)
  const cut = ends.reduce((value, [begin, end], axis) => {
    const extent = value.shape[axis] as number
    return sliceAxis(value, axis, Math.max(-begin, 0), extent - Math.max(-end, 0))
  }, x)
  const widths = ends.map(([begin, end]) => [Math.max(begin, 0), Math.max(end, 0)] as [number, number])
  if (widths.every(([begin, end]) => begin === 0 && end === 0)) return cut
  if (mode === 'constant')
    return emit('nn.pad', [cut, reshape(fill, [])], { pad_width: widths, pad_mode: 'constant' })
  if (mode === 'wrap') return widths.reduce((value, width, axis) => extend(value, axis, width, wrapped), cut)
  if (mode === 'reflect')
    return widths.reduce((value, width, axis) => extend(value, axis, width, reflected), cut)
  if (mode === 'edge') return widths.reduce((value, width, axis) => extend(value, axis, width, nearest), cut)
  return node.invalid(`mode is '${mode}'`)
}

/** Pads of which a run has to say some, or of axes whose extents it says. */
export function padOpen(
  node: OnnxNode,
  x: Value,
  ends: readonly (readonly [Extent, Extent])[],
  mode: string,
  fill: Value,
): Value {
  const source = mode === 'constant' ? openSources.edge : openSources[mode]
  if (!source) return node.invalid(`mode is '${mode}'`)
  return ends.reduce((value, [begin, end], axis) => {
    if (begin === 0 && end === 0) return value
    const extent = extentOf(value, axis)
    const length = extentValue(extent)
    const place = subtract(countTo(plus(plus(extent, begin), end)), extentValue(begin))
    const padded = takeAt(value, source(place, length), axis)
    if (mode !== 'constant') return padded
    const within = emit('logical_and', [greaterEqual(place, 0), less(place, length)])
    const along = padRank(within, value.rank - axis, true)
    return where(along, padded, reshape(fill, [1]))
  }, x)
}

/** As `Source`, of places that are computed. */
const openSources: Readonly<Record<string, (place: Value, length: Value) => Value>> = {
  edge: (place, length) => minimum(maximum(place, 0), subtract(length, 1)),
  wrap: (place, length) => emit('floor_mod', [place, length]),
  reflect(place, length) {
    const period = maximum(multiply(subtract(length, 1), 2), 1)
    const at = emit('floor_mod', [place, period])
    return where(less(at, length), at, subtract(period, at))
  },
}

/** Where in an axis the element at a place outside comes from. */
type Source = (place: number, extent: number) => number

const wrapped: Source = (place, extent) => ((place % extent) + extent) % extent
const nearest: Source = (place, extent) => Math.min(Math.max(place, 0), extent - 1)
const reflected: Source = (place, extent) => {
  const period = Math.max(2 * (extent - 1), 1)
  const at = ((place % period) + period) % period
  return at < extent ? at : period - at
}

function extend(x: Value, axis: number, [begin, end]: [number, number], source: Source): Value {
  if (begin === 0 && end === 0) return x
  const extent = x.shape[axis] as number
  const part = (from: number, to: number) => {
    const places = range(to, from).map((place) => source(place, extent))
    return takeAxis(x, places, axis)
  }
  const parts = [...(begin > 0 ? [part(-begin, 0)] : []), x, ...(end > 0 ? [part(extent, extent + end)] : [])]
  return concatenate(parts, axis)
}

operator('Pad', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    const pads = attrs.ints(attrs.has('paddings') ? 'paddings' : 'pads')
    return pad(node, x, pads, attrs.string('mode', 'constant'), scalar(attrs.float('value', 0), x.dtype))
  },
})

operator('Pad', {
  since: 11,
  required: 2,
  convert(node, [x, padsValue, value, axesValue]) {
    const axes = axesValue
      ? node.numbers(axesValue, 'axes').map((axis) => node.axis(axis, x.rank))
      : range(x.rank)
    const mode = node.attrs.string('mode', 'constant')
    const fill = value ?? scalar(0, x.dtype)
    const given = node.knownNumbers(padsValue, 'pads')
    if (!given) {
      const row = extentsIn(padsValue)
      const ends = range(x.rank).map((axis) => {
        const i = axes.indexOf(axis)
        return i < 0 ? ([0, 0] as const) : ([row[i] ?? 0, row[i + axes.length] ?? 0] as const)
      })
      return padOpen(node, x, ends, mode, fill)
    }
    const pads = new Array<number>(2 * x.rank).fill(0)
    if (given.length !== 2 * axes.length) node.invalid(`${given.length} pads do not fit ${axes.length} axes`)
    for (const [i, axis] of axes.entries()) {
      pads[axis] = given[i] as number
      pads[axis + x.rank] = given[i + axes.length] as number
    }
    return pad(node, x, pads, mode, fill)
  },
})

operator('CenterCropPad', {
  since: 18,
  required: 2,
  convert(node, [x, shape]) {
    const wanted = node.numbers(shape, 'shape')
    const axes = node.attrs.ints('axes', range(x.rank)).map((axis) => node.axis(axis, x.rank))
    if (wanted.length !== axes.length) node.invalid(`${wanted.length} extents do not fit ${axes.length} axes`)
    const pads = new Array<number>(2 * x.rank).fill(0)
    for (const [i, axis] of axes.entries()) {
      const missing = (wanted[i] as number) - (x.shape[axis] as number)
      // The smaller half is at the beginning, whether elements are added or cut off.
      const begin = Math.trunc(missing / 2)
      pads[axis] = begin
      pads[axis + x.rank] = missing - begin
    }
    return pad(node, x, pads, 'constant', scalar(0, x.dtype))
  },
})
