import { tensor } from '#lib/tensor.js'
import { float, floats } from '../support/onnx-writer.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const domain = 'ai.onnx.ml'
const x = random([9, 4])
const one = (op: string, attrs: NonNullable<Case['attrs']>, more: Partial<Case> = {}): Case => ({
  op,
  domain,
  opsets: [15],
  feeds: { x },
  attrs,
  ...more,
})

/** Two trees: one of depth 2, one of depth 1. */
const nodes = {
  nodes_treeids: [0, 0, 0, 0, 0, 1, 1, 1],
  nodes_nodeids: [0, 1, 2, 3, 4, 0, 1, 2],
  nodes_featureids: [0, 2, 0, 0, 0, 3, 0, 0],
  nodes_values: floats(0.1, -0.4, 0, 0, 0, 0.3, 0, 0),
  nodes_modes: ['BRANCH_LEQ', 'BRANCH_GT', 'LEAF', 'LEAF', 'LEAF', 'BRANCH_LT', 'LEAF', 'LEAF'],
  nodes_truenodeids: [1, 3, 0, 0, 0, 1, 0, 0],
  nodes_falsenodeids: [2, 4, 0, 0, 0, 2, 0, 0],
}
const trees = [0, 0, 0, 1, 1]
const leaves = [2, 3, 4, 1, 2]
const targets = {
  target_treeids: trees,
  target_nodeids: leaves,
  target_ids: [0, 1, 0, 1, 0],
  target_weights: floats(0.5, -1.5, 2, 3, -0.25),
  n_targets: 2,
}
const classes = (ids: readonly number[], weights: readonly number[]) => ({
  class_treeids: trees,
  class_nodeids: leaves,
  class_ids: ids,
  class_weights: floats(...weights),
})

const keys = tensor(BigInt64Array.of(3n, 1n, 8n, -2n, 1n), [5])

describeFamilies({
  LabelEncoder: [
    one(
      'LabelEncoder',
      { keys_int64s: [1, 3, -2], values_floats: floats(0.5, 2.5, -1), default_float: float(9) },
      { feeds: { x: keys } },
    ),
    one(
      'LabelEncoder',
      { keys_floats: floats(1.5, Number.NaN), values_int64s: [4, 6], default_int64: -7 },
      { feeds: { x: tensor(Float32Array.of(Number.NaN, 1.5, 2, 0), [2, 2]) } },
    ),
  ],
  TreeEnsembleRegressor: [
    one('TreeEnsembleRegressor', { ...nodes, ...targets }),
    one('TreeEnsembleRegressor', { ...nodes, ...targets, aggregate_function: 'AVERAGE' }),
  ],
  TreeEnsembleClassifier: [
    ...['NONE', 'SOFTMAX', 'LOGISTIC'].map((post_transform) =>
      one(
        'TreeEnsembleClassifier',
        {
          ...nodes,
          ...classes([0, 1, 2, 1, 0], [0.5, 1.5, 2, 3, 0.25]),
          classlabels_int64s: [5, 7, 9],
          post_transform,
        },
        { outputs: 2 },
      ),
    ),
    one(
      'TreeEnsembleClassifier',
      { ...nodes, ...classes([0, 0, 0, 0, 0], [0.1, 0.3, 0.2, 0.4, 0.05]), classlabels_int64s: [0, 1] },
      { outputs: 2 },
    ),
    one(
      'TreeEnsembleClassifier',
      {
        ...nodes,
        ...classes([0, 0, 0, 0, 0], [0.5, -1.5, 2, 3, -0.25]),
        classlabels_int64s: [0, 1],
        post_transform: 'LOGISTIC',
      },
      { outputs: 2 },
    ),
  ],
  features: [
    one('Binarizer', { threshold: float(0.2) }),
    one('Scaler', { offset: floats(0.5, 1, -1, 0), scale: floats(2, 1, 0.5, 3) }),
    ...['MAX', 'L1', 'L2'].map((norm) =>
      one('Normalizer', { norm }, { feeds: { x: random([9, 4], 'float32', 0.5, 2) } }),
    ),
    one('ArrayFeatureExtractor', {}, { stored: { places: tensor(BigInt64Array.of(2n, 0n, 3n), [3]) } }),
    one('LinearRegressor', { coefficients: floats(1, 2, -1, 0.5), intercepts: floats(0.25) }),
    one(
      'LinearClassifier',
      {
        coefficients: floats(1, 2, -1, 0.5, 0, 1, 1, -2, 2, 0, -1, 1),
        intercepts: floats(0.1, 0.2, 0.3),
        classlabels_ints: [3, 1, 2],
        post_transform: 'SOFTMAX',
      },
      { outputs: 2 },
    ),
  ],
})
