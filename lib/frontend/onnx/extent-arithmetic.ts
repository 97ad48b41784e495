import type { OnnxNode } from './node.js'
import { numbers, type Value } from './value.js'

/** An extent that only a run knows. */
const OPEN = -1
type Row = readonly number[]
interface Known {
  readonly isConstant: boolean
  readonly extents: Row
}

/**
 * What is known of extents that are calculated with, as exporters write it (Shape, Gather, Concat, Reshape): where all elements
 * of the result are known it is a constant, whatever else is open.
 */
export function extentArithmetic(
  node: OnnxNode,
  inputs: readonly (Value | undefined)[],
): Value | Known | undefined {
  const rule =
    node.proto.domain === '' || node.proto.domain === 'ai.onnx' ? rules[node.proto.opType] : undefined
  if (!rule || inputs.every((value) => value?.isConstant)) return undefined
  const result = rule(node, inputs)
  if (!result) return undefined
  const [row, shape, dtype = 'int64'] = result
  if (row.includes(OPEN)) return { isConstant: false, extents: row }
  return numbers(row, dtype as 'int64', shape)
}

type Result = readonly [row: Row, shape: Row, dtype?: string | undefined] | undefined
type Rule = (node: OnnxNode, inputs: readonly (Value | undefined)[]) => Result

const rules: Readonly<Record<string, Rule>> = {
  Shape(node, [x]) {
    if (!x) return undefined
    const clamp = (axis: number) => Math.min(Math.max(axis < 0 ? axis + x.rank : axis, 0), x.rank)
    const row = x.dims.slice(clamp(node.attrs.int('start', 0)), clamp(node.attrs.int('end', x.rank)))
    return [row, [row.length]]
  },
  Gather(_node, [x, places]) {
    const [row, at] = [x?.extents, places?.numbers]
    if (!row || !at || !places || x?.rank !== 1) return undefined
    const picked = at.map((i) => row[i < 0 ? i + row.length : i])
    return picked.some((each) => each === undefined) ? undefined : [picked as number[], places.dims, x.dtype]
  },
  Concat(_node, values) {
    const rows = values.map((value) => (value?.rank === 1 ? value.extents : undefined))
    if (rows.some((row) => !row)) return undefined
    const row = rows.flatMap((each) => each as number[])
    return [row, [row.length], values[0]?.dtype]
  },
  Unsqueeze: (_node, [x]) => (x?.extents && x.rank === 0 ? [x.extents, [1], x.dtype] : undefined),
  Squeeze: (_node, [x]) => (x?.extents?.length === 1 ? [x.extents, [], x.dtype] : undefined),
  Cast: (node, [x]) =>
    x?.extents && node.opset >= 6 && node.attrs.int('to') === 7 ? [x.extents, x.dims, 'int64'] : undefined,
  Slice(node, [x, starts, ends, axes, steps]) {
    const [row, from, to] = [x?.extents, starts?.numbers, ends?.numbers]
    const plain = (!axes || axes.numbers?.[0] === 0) && (!steps || steps.numbers?.[0] === 1)
    if (node.opset < 10 || !row || !from || !to || !plain || x?.rank !== 1) return undefined
    const part = row.slice(from[0], to[0])
    return [part, [part.length], x.dtype]
  },
  Mul: (_node, [a, b]) => combined(a, b, (x, y) => x * y),
  Add: (_node, [a, b]) => combined(a, b, (x, y) => x + y),
}

/** Element by element; of what is open nothing is known but that it is not negative. */
function combined(
  a: Value | undefined,
  b: Value | undefined,
  combine: (x: number, y: number) => number,
): Result {
  const [left, right] = [a?.extents, b?.extents]
  if (!a || !b || !left || !right || left.length !== right.length || a.rank !== b.rank) return undefined
  if ([a, b].some((each) => each.isConstant && each.numbers?.some((n) => n < 0))) return undefined
  const row = left.map((x, i) => (x === OPEN || right[i] === OPEN ? OPEN : combine(x, right[i] as number)))
  return [row, a.dims, a.dtype]
}
