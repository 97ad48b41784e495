import {
  divide,
  emit,
  equal,
  exp,
  greater,
  greaterEqual,
  less,
  lessEqual,
  range,
  reduce,
  sigmoid,
  stored,
  subtract,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { filled, numbers, scalar, type Value } from '../value.js'

/** Decision trees as arrays over all of their nodes. Leaves are their own children. */
export interface Forest {
  /** The element of the input that a node looks at. */
  readonly features: readonly number[]
  readonly thresholds: readonly number[]
  /** How a node compares: `BRANCH_LEQ` and so on, `LEAF` for leaves. */
  readonly modes: readonly string[]
  readonly whenTrue: readonly number[]
  readonly whenFalse: readonly number[]
  /** Where a missing element (NaN) goes as if the comparison held. */
  readonly missingTrue: readonly boolean[]
  readonly roots: readonly number[]
  /** What each node adds to the results, by result. */
  readonly weights: readonly ReadonlyMap<number, number>[]
  readonly results: number
}

type Comparison = (x: Value, threshold: Value) => Value

const comparisons: Readonly<Record<string, Comparison>> = {
  BRANCH_LEQ: lessEqual,
  BRANCH_LT: less,
  BRANCH_GTE: greaterEqual,
  BRANCH_GT: greater,
  BRANCH_EQ: equal,
  BRANCH_NEQ: (x, threshold) => emit('not_equal', [x, threshold]),
}

/** The longest way from a root to a leaf. */
function depth(node: OnnxNode, { roots, modes, whenTrue, whenFalse }: Forest): number {
  let level = [...roots]
  for (let steps = 0; ; steps++) {
    level = [
      ...new Set(
        level
          .filter((at) => modes[at] !== 'LEAF')
          .flatMap((at) => [whenTrue[at] as number, whenFalse[at] as number]),
      ),
    ]
    if (level.length === 0) return steps
    if (level.some((at) => modes[at] === undefined))
      node.invalid('its trees lead to nodes that are not there')
    if (steps > modes.length) node.invalid('its trees have a cycle')
  }
}

/** Walks all trees at once, a level a step: the leaf of each tree for each row of `x`, [rows, trees]. */
function leaves(node: OnnxNode, x: Value, forest: Forest): Value {
  const [rows, width] = x.shape as [number, number]
  if (forest.features.some((feature) => feature < 0 || feature >= width))
    node.invalid(`its trees look at elements that rows of ${width} do not have`)
  const table = (values: readonly number[], dtype: 'int64' | 'bool' | 'float32') =>
    numbers(values, dtype === 'float32' ? x.dtype : dtype)
  const lookUp = (values: Value, at: Value) => emit('take', [values, at], { axis: 0, mode: 'fast' })
  const features = table(forest.features, 'int64')
  const thresholds = table(forest.thresholds, 'float32')
  const children = [table(forest.whenTrue, 'int64'), table(forest.whenFalse, 'int64')] as const
  const missing = forest.missingTrue.some(Boolean) ? table(forest.missingTrue.map(Number), 'bool') : undefined
  const used = [...new Set(forest.modes)].filter((mode) => mode !== 'LEAF')
  const unknown = used.find((mode) => !comparisons[mode])
  if (unknown) node.unsupported(`comparison '${unknown}' is not supported`)
  let at: Value = emit('broadcast_to', [numbers(forest.roots, 'int64', [1, forest.roots.length])], {
    shape: [rows, forest.roots.length],
  })
  for (const _ of range(depth(node, forest))) {
    const element = emit('gather', [x, lookUp(features, at)], { axis: 1 })
    const threshold = lookUp(thresholds, at)
    const [first = '', ...others] = used
    let holds = (comparisons[first] as Comparison)(element, threshold)
    for (const mode of others) {
      const isMode = table(
        forest.modes.map((each) => Number(each === mode)),
        'bool',
      )
      holds = where(lookUp(isMode, at), (comparisons[mode] as Comparison)(element, threshold), holds)
    }
    if (missing) {
      const goes = emit('logical_and', [emit('isnan', [element]), lookUp(missing, at)])
      holds = emit('logical_or', [holds, goes])
    }
    at = stored(where(holds, lookUp(children[0], at), lookUp(children[1], at)))
  }
  return at
}

/** Joins what the leaves of all trees add: [rows, results]. `how` is SUM, AVERAGE, MIN or MAX. */
export function evaluate(node: OnnxNode, x: Value, forest: Forest, how = 'SUM'): Value {
  const { weights, results, roots } = forest
  const dense = weights.flatMap((own) => range(results).map((result) => own.get(result) ?? 0))
  const table = numbers(dense, x.dtype, [weights.length, results])
  const values = emit('take', [table, leaves(node, x, forest)], { axis: 0, mode: 'fast' })
  const reductions: Readonly<Record<string, string>> = { SUM: 'sum', AVERAGE: 'sum', MIN: 'min', MAX: 'max' }
  const op = reductions[how] ?? node.invalid(`aggregate_function is '${how}'`)
  const joined = reduce(op, values, [1])
  return how === 'AVERAGE' ? divide(joined, roots.length) : joined
}

const softmax = (scores: Value) => emit('nn.softmax', [scores], { axis: -1 })

/** What turns scores [rows, results] into results. */
export function postTransform(node: OnnxNode, scores: Value, name: string): Value {
  switch (name) {
    case 'NONE':
      return scores
    case 'LOGISTIC':
      return sigmoid(scores)
    case 'SOFTMAX':
      return softmax(scores)
    case 'SOFTMAX_ZERO': {
      // Zeros stay zeros and take no part.
      const zero = equal(scores, 0)
      const powers = where(
        zero,
        filled(scalar(0, scores.dtype).tensor as never, scores.shape),
        exp(subtract(scores, reduce('max', scores, [1], true))),
      )
      return divide(powers, reduce('sum', powers, [1], true))
    }
    default:
      return node.unsupported(`post_transform '${name}' is not supported`)
  }
}

/** The labels of the largest scores. */
export function largestLabel(scores: Value, labels: readonly number[]): Value {
  const place = emit('argmax', [scores], {
    axis: [1],
    keepdims: false,
    exclude: false,
    select_last_index: false,
  })
  return takeFrom(numbers(labels, 'int64'), place)
}

export function takeFrom(table: Value, places: Value): Value {
  return emit('take', [table, places], { axis: 0, mode: 'fast' })
}
