import { getOp } from '../../../ir/op.js'
import { callOp, tupleGetItem } from '../../../ir/relay.js'
import { makeNode } from '../../../runtime/index.js'
import type { Tensor } from '../../../tensor.js'
import {
  add,
  cast,
  concatenate,
  emit,
  multiply,
  product,
  range,
  reshape,
  sliceAxis,
  subtract,
  takeAxis,
  transpose,
} from '../emit.js'
import {
  extentOf,
  extentsOf,
  extentValue,
  plus,
  productOf,
  reshapeTo,
  sliceBetween,
  takeAt,
} from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, Value } from '../value.js'
import { suppress } from './suppression.js'
import { unravel } from './unravel.js'

/** Operators that pick elements by value: how many they pick is known where their inputs are. */

operator('NonZero', {
  since: 9,
  required: 1,
  convert(node, [x]) {
    const values = node.knownNumbers(x, 'input')
    if (!values) return transpose(cast(emit('argwhere', [x]), 'int64'), [1, 0])
    const found = range(values.length).filter((i) => values[i] !== 0)
    const places = found.map((i) => unravel(i, x.shape))
    return numbers(
      range(x.rank).flatMap((axis) => places.map((place) => place[axis] as number)),
      'int64',
      [x.rank, found.length],
    )
  },
})

function flattened(x: Value): Value {
  return x.rank === 1 ? x : reshapeTo(x, [productOf(extentsOf(x))])
}
/** Without the last axis, which has one element. */
function reshapeOne(x: Value): Value {
  return emit('squeeze', [x], { axis: [1] })
}

operator('Compress', {
  since: 9,
  required: 2,
  convert(node, [x, condition]) {
    const keep = node.knownNumbers(condition, 'condition')
    const flat = !node.attrs.has('axis')
    const from = flat ? flattened(x) : x
    const axis = flat ? 0 : node.axis(node.attrs.int('axis'), x.rank)
    if (!keep || from.isOpen) return takeAt(from, reshapeOne(emit('argwhere', [condition])), axis)
    const places = range(Math.min(keep.length, from.shape[axis] as number)).filter((i) => keep[i] !== 0)
    return takeAxis(from, places, axis)
  },
})

/** An order of elements of one type, by value. */
function compare(a: unknown, b: unknown): number {
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

/** The slices of a constant along an axis, each a list of elements. */
function slices({ data, shape }: Tensor, axis: number): unknown[][] {
  const inner = product(shape.slice(axis + 1))
  const extent = shape[axis] as number
  const result: unknown[][] = range(extent).map(() => [])
  for (const [i, element] of Array.from(data as Iterable<unknown>).entries())
    result[Math.floor(i / inner) % extent]?.push(element)
  return result
}

/**
 * The kinds of elements of a list that only a run knows: sorted, equal ones are neighbours, and a kind begins where an element differs
 * from the one before.
 */
function uniqueOf(x: Value, sorted: boolean): Value[] {
  const order = emit('argsort', [x], { axis: 0, is_ascend: true, dtype: 'int64' })
  const ascending = takeAt(x, order, 0)
  const length = extentOf(x, 0)
  const differs = emit('not_equal', [
    sliceBetween(ascending, 0, 1, length),
    sliceBetween(ascending, 0, 0, plus(length, -1)),
  ])
  const begins = concatenate([numbers([1], 'bool'), differs], 0)
  const group = subtract(emit('cumsum', [cast(begins, 'int64')], { axis: 0, dtype: 'int64' }), 1)
  const starts = cast(reshapeOne(emit('argwhere', [begins])), 'int64')
  const ends = concatenate([sliceBetween(starts, 0, 1, extentOf(starts, 0)), extentValue(length)], 0)
  const counts = subtract(ends, starts)
  const firsts = takeAt(order, starts, 0)
  const inverse = emit('scatter_elements', [group, order, group], { axis: 0, reduction: 'update' })
  if (sorted) return [takeAt(ascending, starts, 0), firsts, inverse, counts]
  const appearance = emit('argsort', [firsts], { axis: 0, is_ascend: true, dtype: 'int64' })
  const rank = emit('argsort', [appearance], { axis: 0, is_ascend: true, dtype: 'int64' })
  const arranged = [takeAt(ascending, starts, 0), firsts, counts].map((each) => takeAt(each, appearance, 0))
  const [values, places, numbersOf] = arranged as [Value, Value, Value]
  return [values, places, takeAt(rank, inverse, 0), numbersOf]
}

operator('Unique', {
  since: 11,
  required: 1,
  convert(node, [x]) {
    const flat = !node.attrs.has('axis')
    if (!x.isConstant && node.open && (flat || x.rank === 1))
      return uniqueOf(flattened(x), node.attrs.flag('sorted', true))
    const from = flat ? flattened(x) : x
    const axis = flat ? 0 : node.axis(node.attrs.int('axis'), x.rank)
    const constant = from.tensor ?? node.dynamic('its input is computed while the model runs', [x])
    const all = slices(constant, axis)
    const kinds = new Map<string, { first: number; count: number }>()
    const kindOf = all.map((slice, i) => {
      const key = slice.map(String).join()
      const kind = kinds.get(key) ?? { first: i, count: 0 }
      kind.count += 1
      kinds.set(key, kind)
      return kind
    })
    const order = [...kinds.values()]
    if (node.attrs.flag('sorted', true)) {
      order.sort((a, b) => {
        const [left, right] = [all[a.first] as unknown[], all[b.first] as unknown[]]
        const differs = left.findIndex((element, i) => compare(element, right[i]) !== 0)
        return differs < 0 ? 0 : compare(left[differs], right[differs])
      })
    }
    const firsts = order.map(({ first }) => first)
    const places = new Map(order.map((kind, i) => [kind, i]))
    return [
      takeAxis(from, firsts, axis),
      numbers(firsts, 'int64'),
      numbers(
        kindOf.map((kind) => places.get(kind) as number),
        'int64',
      ),
      numbers(
        order.map(({ count }) => count),
        'int64',
      ),
    ]
  },
})

operator('NonMaxSuppression', {
  since: 10,
  required: 2,
  convert(node, [boxes, scores, most, overlap, lowest]) {
    if (node.open && (!boxes.isConstant || !scores.isConstant))
      return suppressWhileRunning(node, boxes, scores, [most, overlap, lowest])
    const [batches = 0, classes = 0, count = 0] = scores.shape
    if (boxes.rank !== 3 || scores.rank !== 3 || boxes.shape[1] !== count)
      node.invalid(`shapes [${boxes.shape}] and [${scores.shape}] do not fit each other`)
    const limit = optional(node, most, 'max_output_boxes_per_class') ?? 0
    const threshold = optional(node, overlap, 'iou_threshold') ?? 0
    const minimum = optional(node, lowest, 'score_threshold')
    if (limit === 0) return numbers([], 'int64', [0, 3])
    const corners = node.numbers(boxes, 'boxes')
    const values = node.numbers(scores, 'scores')
    const centred = node.attrs.flag('center_point_box')
    const selected = range(batches).flatMap((batch) =>
      range(classes).flatMap((label) => {
        const own = (batch * classes + label) * count
        const chosen = suppress({
          boxes: corners.slice(batch * count * 4, (batch + 1) * count * 4),
          scores: values.slice(own, own + count),
          centred,
          limit,
          threshold,
          minimum,
        })
        return chosen.flatMap((box) => [batch, label, box])
      }),
    )
    return numbers(selected, 'int64', [selected.length / 3, 3])
  },
})

/** All scores are above it. */
const LOWEST = -3.4e38

/** The same for boxes and scores that only a run knows. */
function suppressWhileRunning(
  node: OnnxNode,
  boxes: Value,
  scores: Value,
  [most, overlap, lowest]: readonly (Value | undefined)[],
): Value {
  if (boxes.rank !== 3 || scores.rank !== 3)
    node.invalid(`shapes [${boxes.dims}] and [${scores.dims}] do not fit each other`)
  const one = (value: Value | undefined, otherwise: Value) => (value ? reshape(value, [1]) : otherwise)
  const limit = one(most, numbers([0], 'int64'))
  const threshold = one(overlap, numbers([0], 'float32'))
  const minimum = one(lowest, numbers([LOWEST], 'float32'))
  const corners = node.attrs.flag('center_point_box') ? cornersOf(boxes) : boxes
  // The operator is registered without the key of its attributes (TVM v0.18, src/relay/op/vision/nms.cc).
  const attrs = makeNode('relay.attrs.AllClassNonMaximumSuppressionAttrs', { output_format: 'onnx' })
  const operands = [corners, scores, limit, threshold, minimum].map(({ expr }) => expr)
  const call = callOp(getOp('vision.all_class_non_max_suppression'), operands, attrs)
  const [places, count] = [0, 1].map((i) => Value.computed(tupleGetItem(call, i))) as [Value, Value]
  return sliceBetween(places, 0, 0, count)
}

/** Boxes by corners (y, x, y, x) of those by centre and size (x, y, width, height). */
function cornersOf(boxes: Value): Value {
  const [x, y, width, height] = range(4).map((i) => sliceAxis(boxes, 2, i, i + 1)) as [
    Value,
    Value,
    Value,
    Value,
  ]
  const [halfWidth, halfHeight] = [multiply(width, 0.5), multiply(height, 0.5)]
  return concatenate(
    [subtract(y, halfHeight), subtract(x, halfWidth), add(y, halfHeight), add(x, halfWidth)],
    2,
  )
}

function optional(node: OnnxNode, value: Value | undefined, role: string): number | undefined {
  return value && node.number(value, role)
}
