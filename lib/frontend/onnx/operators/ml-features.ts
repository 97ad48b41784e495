import {
  abs,
  add,
  cast,
  concatenate,
  divide,
  emit,
  equal,
  greater,
  multiply,
  reduce,
  reshape,
  sqrt,
  subtract,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { isFloat, numbers, scalar, Value } from '../value.js'
import { largestLabel, postTransform, takeFrom } from './tree-ensemble.js'

const domain = 'ai.onnx.ml'

operator(`${domain}.Binarizer`, {
  since: 1,
  required: 1,
  convert: ({ attrs }, [x]) => cast(greater(x, attrs.float('threshold', 0)), x.dtype),
})

operator(`${domain}.Scaler`, {
  since: 1,
  required: 1,
  convert({ attrs }, [x]) {
    const row = (values: readonly number[]) => numbers(values, 'float32')
    const centred = subtract(cast(x, 'float32'), row(attrs.floats('offset', [0])))
    return multiply(centred, row(attrs.floats('scale', [1])))
  },
})

operator(`${domain}.Normalizer`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const values = cast(x, 'float32')
    const last = [x.rank - 1]
    const norms: Readonly<Record<string, () => Value>> = {
      MAX: () => reduce('max', values, last, true),
      L1: () => reduce('sum', abs(values), last, true),
      L2: () => sqrt(reduce('sum', multiply(values, values), last, true)),
    }
    const name = node.attrs.string('norm', 'MAX')
    const norm = norms[name]?.() ?? node.invalid(`norm is '${name}'`)
    return where(equal(norm, 0), values, divide(values, where(equal(norm, 0), scalar(1, 'float32'), norm)))
  },
})

operator(`${domain}.FeatureVectorizer`, {
  since: 1,
  required: 1,
  convert(_node, inputs) {
    const parts = inputs.filter((value) => value !== undefined)
    return concatenate(
      parts.map((x) => cast(x.rank === 1 ? reshape(x, [1, x.shape[0] as number]) : x, 'float32')),
      1,
    )
  },
})

operator(`${domain}.ArrayFeatureExtractor`, {
  since: 1,
  required: 2,
  convert(_node, [x, places]) {
    const rows = x.rank === 1 ? reshape(x, [1, x.shape[0] as number]) : x
    const flat = reshape(places, [places.shape.reduce((total, extent) => total * extent, 1)])
    return emit('take', [rows, flat], { axis: rows.rank - 1, mode: 'clip' })
  },
})

interface Mapping {
  readonly keys: Value
  readonly values: Value
  /** What other keys become. */
  readonly otherwise: Value
}

/** The attributes of LabelEncoder from opset 2 on. */
function readMapping(node: OnnxNode): Mapping {
  const { attrs } = node
  const read = (part: 'keys' | 'values'): Value => {
    if (attrs.has(`${part}_tensor`)) return Value.constant(attrs.tensor(`${part}_tensor`))
    if (attrs.has(`${part}_int64s`)) return numbers(attrs.ints(`${part}_int64s`), 'int64')
    if (attrs.has(`${part}_floats`)) return numbers(attrs.floats(`${part}_floats`), 'float32')
    const data = [...attrs.strings(`${part}_strings`)]
    return Value.constant({ dtype: 'string', shape: [data.length], data })
  }
  const values = read('values')
  const otherwise = (): Value => {
    if (attrs.has('default_tensor')) return Value.constant(attrs.tensor('default_tensor'))
    if (values.dtype === 'string')
      return Value.constant({
        dtype: 'string',
        shape: [1],
        data: [attrs.string('default_string', '_Unused')],
      })
    const integral =
      values.dtype === 'int64' ? attrs.int('default_int64', -1) : attrs.float('default_float', 0)
    return numbers([integral], values.dtype)
  }
  return { keys: read('keys'), values, otherwise: otherwise() }
}

operator(`${domain}.LabelEncoder`, {
  since: 2,
  required: 1,
  convert(node, [x]) {
    const { keys, values, otherwise } = readMapping(node)
    const textual = ([x, keys, values] as const).some(({ dtype }) => dtype === 'string')
    if (textual) return mapText(node, x, { keys, values, otherwise })
    const count = keys.shape[0] as number
    const asked = reshape(x, [...x.shape, 1])
    const matches = equal(asked, cast(keys, x.dtype))
    // From opset 4 on NaN is a key like others.
    const missing = emit('isnan', [asked])
    const found =
      node.opset >= 4 && isFloat(x) && (keys.numbers ?? []).some(Number.isNaN)
        ? emit('logical_or', [matches, emit('logical_and', [missing, emit('isnan', [keys])])])
        : matches
    // The first match; the default stands behind the last key.
    const last = emit('ones', [], { shape: [...x.shape, 1], dtype: 'int32' })
    const place = emit('argmax', [concatenate([cast(found, 'int32'), last], x.rank)], {
      axis: [x.rank],
      keepdims: false,
      exclude: false,
      select_last_index: false,
    })
    const table = concatenate([reshape(values, [count]), reshape(otherwise, [1])], 0)
    return takeFrom(table, place)
  },
})

/** Maps constants; text is nothing that runs compute with. */
function mapText(node: OnnxNode, x: Value, { keys, values, otherwise }: Mapping): Value {
  const given =
    x.tensor ?? node.unsupported('text that is computed or given while the model runs is not supported')
  const list = (value: Value) => Array.from((value.tensor?.data ?? []) as Iterable<unknown>)
  const results = new Map(list(keys).map((key, i) => [key, list(values)[i]]))
  const [fallback] = list(otherwise)
  const mapped = Array.from(given.data as Iterable<unknown>, (key) =>
    results.has(key) ? results.get(key) : fallback,
  )
  if (values.dtype === 'string')
    return Value.constant({ dtype: 'string', shape: given.shape, data: mapped as string[] })
  return numbers(mapped.map(Number), values.dtype, given.shape)
}

/** Scores of rows by a linear model: [rows, count]. */
function linear(node: OnnxNode, x: Value, count: number): Value {
  const { attrs } = node
  const weights = attrs.floats('coefficients')
  const rows = cast(x.rank === 1 ? reshape(x, [1, x.shape[0] as number]) : x, 'float32')
  const width = rows.shape[1] as number
  if (weights.length !== count * width)
    node.invalid(`${weights.length} coefficients do not fit rows of ${width}`)
  const products = emit('nn.dense', [rows, numbers(weights, 'float32', [count, width])], {
    units: count,
    out_dtype: 'float32',
  })
  const intercepts = attrs.floats('intercepts', [])
  return intercepts.length > 0 ? add(products, numbers(intercepts, 'float32', [intercepts.length])) : products
}

operator(`${domain}.LinearRegressor`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const scores = linear(node, x, node.attrs.int('targets', 1))
    return postTransform(node, scores, node.attrs.string('post_transform', 'NONE'))
  },
})

operator(`${domain}.LinearClassifier`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    if (attrs.has('classlabels_strings')) node.unsupported('labels that are text are not supported')
    const labels = attrs.ints('classlabels_ints')
    const scores = linear(node, x, labels.length)
    return [largestLabel(scores, labels), postTransform(node, scores, attrs.string('post_transform', 'NONE'))]
  },
})

operator(`${domain}.OneHotEncoder`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    if (attrs.has('cats_strings') && attrs.strings('cats_strings').length > 0)
      node.unsupported('categories that are text are not supported')
    const categories = numbers(attrs.ints('cats_int64s'), 'int64')
    return cast(equal(reshape(cast(x, 'int64'), [...x.shape, 1]), categories), 'float32')
  },
})

operator(`${domain}.Imputer`, {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const { attrs } = node
    const isReal = isFloat(x)
    const values = isReal ? attrs.floats('imputed_value_floats') : attrs.ints('imputed_value_int64s')
    const replaced = isReal ? attrs.float('replaced_value_float', 0) : attrs.int('replaced_value_int64', 0)
    const width = x.shape.at(-1) as number
    if (values.length !== 1 && values.length !== width)
      node.invalid(`${values.length} values do not fit rows of ${width}`)
    const missing = Number.isNaN(replaced) ? emit('isnan', [x]) : equal(x, replaced)
    return emit('where', [missing, numbers(values, x.dtype), x])
  },
})

/** There are no maps here: the tensor itself, whose columns are in the order of the class labels. */
operator(`${domain}.ZipMap`, { since: 1, required: 1, convert: (_node, [x]) => x })
