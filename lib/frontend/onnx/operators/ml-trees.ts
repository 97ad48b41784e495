import {
  add,
  broadcastTo,
  cast,
  concatenate,
  greater,
  negative,
  range,
  reshape,
  sigmoid,
  subtract,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, tensorNumbers, type Value } from '../value.js'
import { evaluate, type Forest, largestLabel, postTransform } from './tree-ensemble.js'

const domain = 'ai.onnx.ml'

/** Numbers of an attribute that is a list, or a tensor under the name with `_as_tensor` (for doubles). */
function listOf(node: OnnxNode, name: string): readonly number[] {
  const asTensor = `${name}_as_tensor`
  if (node.attrs.has(asTensor)) return tensorNumbers(node.attrs.tensor(asTensor))
  return node.attrs.floats(name, [])
}

/** The trees of TreeEnsembleClassifier and TreeEnsembleRegressor; `kind` is how their leaves' attributes begin. */
function readForest(node: OnnxNode, kind: 'class' | 'target', results: number): Forest {
  const { attrs } = node
  const trees = attrs.ints('nodes_treeids')
  const ids = attrs.ints('nodes_nodeids')
  const modes = attrs.strings('nodes_modes')
  const place = new Map(trees.map((tree, i) => [`${tree}:${ids[i]}`, i]))
  const child = (list: readonly number[], i: number) =>
    modes[i] === 'LEAF'
      ? i
      : (place.get(`${trees[i]}:${list[i]}`) ?? node.invalid(`its node ${i} has no child`))
  const [yes, no] = [attrs.ints('nodes_truenodeids'), attrs.ints('nodes_falsenodeids')]
  const missing = attrs.ints('nodes_missing_value_tracks_true', [])
  const weights = modes.map(() => new Map<number, number>())
  const [leafTrees, leafIds] = [attrs.ints(`${kind}_treeids`), attrs.ints(`${kind}_nodeids`)]
  const given = listOf(node, `${kind}_weights`)
  for (const [i, result] of attrs.ints(`${kind}_ids`).entries()) {
    const at =
      place.get(`${leafTrees[i]}:${leafIds[i]}`) ?? node.invalid(`its weight ${i} belongs to no node`)
    const own = weights[at] as Map<number, number>
    own.set(result, (own.get(result) ?? 0) + (given[i] as number))
  }
  // The first node of a tree is its root.
  const roots = [...new Set(trees)].map((tree) => trees.indexOf(tree))
  return {
    features: attrs.ints('nodes_featureids'),
    thresholds: listOf(node, 'nodes_values'),
    modes,
    whenTrue: modes.map((_, i) => child(yes, i)),
    whenFalse: modes.map((_, i) => child(no, i)),
    missingTrue: modes.map((_, i) => missing[i] === 1),
    roots,
    weights,
    results,
  }
}

/** Rows of floats; integers are converted. */
function rowsOf(node: OnnxNode, x: Value): Value {
  if (x.rank !== 1 && x.rank !== 2) node.invalid(`an input of shape [${x.shape}] has no rows`)
  const rows = x.rank === 1 ? reshape(x, [1, x.shape[0] as number]) : x
  return rows.dtype === 'float64' ? rows : cast(rows, 'float32')
}

function withBase(node: OnnxNode, scores: Value): Value {
  const base = listOf(node, 'base_values')
  return base.length === 0 ? scores : add(scores, numbers(base, scores.dtype, [1, base.length]))
}

operator(`${domain}.TreeEnsembleRegressor`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const forest = readForest(node, 'target', node.attrs.int('n_targets', 1))
    const how = node.attrs.string('aggregate_function', 'SUM')
    const scores = withBase(node, evaluate(node, rowsOf(node, x), forest, how))
    return cast(postTransform(node, scores, node.attrs.string('post_transform', 'NONE')), 'float32')
  },
})

operator(`${domain}.TreeEnsembleClassifier`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    if (attrs.has('classlabels_strings')) node.unsupported('labels that are text are not supported')
    const labels = attrs.ints('classlabels_int64s')
    const transform = attrs.string('post_transform', 'NONE')
    const single = labels.length === 2 && new Set(attrs.ints('class_ids')).size === 1
    if (single) return binary(node, rowsOf(node, x), labels, transform)
    const forest = readForest(node, 'class', labels.length)
    const scores = withBase(node, evaluate(node, rowsOf(node, x), forest))
    return [largestLabel(scores, labels), cast(postTransform(node, scores, transform), 'float32')]
  },
})

/** Two classes of which the leaves score only one, as ONNX Runtime 1.20 treats them. */
function binary(node: OnnxNode, x: Value, labels: readonly number[], transform: string): Value[] {
  const weights = listOf(node, 'class_weights')
  const probability = weights.every((weight) => weight >= 0)
  const [id = 0] = node.attrs.ints('class_ids')
  const forest = readForest(node, 'class', 2)
  const all = evaluate(node, x, {
    ...forest,
    weights: forest.weights.map((own) => new Map([[0, own.get(id) ?? 0]])),
    results: 1,
  })
  const base = listOf(node, 'base_values')
  const score = base.length === 0 ? all : add(all, base[base.length === 2 ? 1 : 0] as number)
  const isSecond = reshape(greater(score, probability ? 0.5 : 0), [x.shape[0] as number])
  const label = where(isSecond, scalar(labels[1] as number, 'int64'), scalar(labels[0] as number, 'int64'))
  const other = probability ? subtract(scalar(1, score.dtype), score) : negative(score)
  const pair = concatenate([other, score], 1)
  const scores = !probability && transform === 'LOGISTIC' ? sigmoid(pair) : pair
  return [broadcastTo(label, [x.shape[0] as number]), cast(scores, 'float32')]
}

/** Comparisons of TreeEnsemble, by their numbers. */
const MODES = [
  'BRANCH_LEQ',
  'BRANCH_LT',
  'BRANCH_GTE',
  'BRANCH_GT',
  'BRANCH_EQ',
  'BRANCH_NEQ',
  'BRANCH_MEMBER',
]
const AGGREGATES = ['AVERAGE', 'SUM', 'MIN', 'MAX']
const TRANSFORMS = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT']

operator(`${domain}.TreeEnsemble`, {
  since: 5,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    const listed = tensorNumbers(attrs.tensor('nodes_modes')).map(
      (mode) => MODES[mode] ?? node.invalid(`a node has mode ${mode}`),
    )
    const splits = tensorNumbers(attrs.tensor('nodes_splits'))
    const members = attrs.has('membership_values')
      ? groups(tensorNumbers(attrs.tensor('membership_values')))
      : []
    const leafWeights = tensorNumbers(attrs.tensor('leaf_weights'))
    const leafTargets = attrs.ints('leaf_targetids')
    const forest = {
      features: [...attrs.ints('nodes_featureids')],
      thresholds: [...splits],
      modes: [...listed],
      whenTrue: [] as number[],
      whenFalse: [] as number[],
      missingTrue: [] as boolean[],
      roots: attrs.ints('tree_roots'),
      weights: listed.map(() => new Map<number, number>()),
      results: attrs.int('n_targets'),
    }
    const tracks = attrs.ints('nodes_missing_value_tracks_true', [])
    const append = (
      mode: string,
      feature: number,
      threshold: number,
      weights = new Map<number, number>(),
    ) => {
      forest.modes.push(mode)
      forest.features.push(feature)
      forest.thresholds.push(threshold)
      forest.weights.push(weights)
      return forest.modes.length - 1
    }
    const leafPlaces = leafTargets.map((target, i) =>
      append('LEAF', 0, 0, new Map([[target, leafWeights[i] as number]])),
    )
    const child = (name: string, i: number) => {
      const at = attrs.ints(`nodes_${name}nodeids`)[i] as number
      return attrs.ints(`nodes_${name}leafs`)[i]
        ? (leafPlaces[at] ?? node.invalid(`there is no leaf ${at}`))
        : at
    }
    const count = listed.length
    for (const i of range(count)) {
      forest.whenTrue[i] = child('true', i)
      forest.whenFalse[i] = child('false', i)
      forest.missingTrue[i] = tracks[i] === 1
    }
    for (const place of leafPlaces) {
      forest.whenTrue[place] = place
      forest.whenFalse[place] = place
    }
    // Membership in a set becomes a chain of comparisons with its elements.
    for (const i of range(count).filter((each) => listed[each] === 'BRANCH_MEMBER')) {
      const [first, ...others] = members.shift() ?? node.invalid('a node has no set of members')
      forest.modes[i] = 'BRANCH_EQ'
      forest.thresholds[i] = first ?? Number.NaN
      let at = i
      for (const member of others) {
        const next = append('BRANCH_EQ', forest.features[i] as number, member)
        forest.whenTrue[next] = forest.whenTrue[i] as number
        forest.whenFalse[next] = forest.whenFalse[at] as number
        forest.whenFalse[at] = next
        at = next
      }
    }
    const how = AGGREGATES[attrs.int('aggregate_function', 1)] ?? 'SUM'
    const scores = evaluate(
      node,
      rowsOf(node, x),
      { ...forest, missingTrue: forest.modes.map((_, i) => forest.missingTrue[i] ?? false) },
      how,
    )
    return postTransform(node, scores, TRANSFORMS[attrs.int('post_transform', 0)] ?? 'NONE')
  },
})

/** Sets that follow each other, each ended by a NaN. */
function groups(values: readonly number[]): number[][] {
  const result: number[][] = []
  let current: number[] = []
  for (const value of values) {
    if (Number.isNaN(value)) {
      result.push(current)
      current = []
    } else current.push(value)
  }
  return current.length > 0 ? [...result, current] : result
}
