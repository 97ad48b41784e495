import type { Tensor } from '../../../tensor.js'
import { product, range, reshape, takeAxis } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, type Value } from '../value.js'
import { suppress } from './suppression.js'
import { unravel } from './unravel.js'

/** Operators that pick elements by value: how many they pick is known where their inputs are. */

operator('NonZero', {
  since: 9,
  required: 1,
  convert(node, [x]) {
    const values = node.numbers(x, 'input')
    const found = range(values.length).filter((i) => values[i] !== 0)
    const places = found.map((i) => unravel(i, x.shape))
    return numbers(
      range(x.rank).flatMap((axis) => places.map((place) => place[axis] as number)),
      'int64',
      [x.rank, found.length],
    )
  },
})

operator('Compress', {
  since: 9,
  required: 2,
  convert(node, [x, condition]) {
    const keep = node.numbers(condition, 'condition')
    const flat = !node.attrs.has('axis')
    const from = flat ? reshape(x, [product(x.shape)]) : x
    const axis = flat ? 0 : node.axis(node.attrs.int('axis'), x.rank)
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

operator('Unique', {
  since: 11,
  required: 1,
  convert(node, [x]) {
    const flat = !node.attrs.has('axis')
    const from = flat ? reshape(x, [product(x.shape)]) : x
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

function optional(node: OnnxNode, value: Value | undefined, role: string): number | undefined {
  return value && node.number(value, role)
}
