import { isTvmNodeError, TvmNodeError } from '../../errors.js'
import { type Func, func, tuple, type Var, variable } from '../../ir/relay.js'
import { isNarrow } from '../../narrow.js'
import { registerOperators } from '../../ops/register.js'
import { openLibrary } from '../../runtime/index.js'
import type { Structure } from '../../session/structure.js'
import type { DType, Tensor } from '../../tensor.js'
import { checkOpset, findUnsupported, refuseUnsupported, type UnsupportedOperator } from './check.js'
import { GraphImporter, opsetVersions, Scope } from './graph-importer.js'
import { type AssumedDimension, checkConstants, resolveInputs } from './input-shapes.js'
import { type OnnxModel, readModel } from './model.js'
import { packed, packedShape, unpacked } from './narrow.js'
import { flattenInputs, flattenOutput, nestedValue } from './nested-inputs.js'
import './operators/index.js'
import { Value } from './value.js'

export interface ImportOptions {
  /**
   * Extents by input name for dimensions that the model leaves open; `-1` keeps the model's. The elements of a sequence `x` are
   * named `x[0]`, `x[1]`...; an empty one has an empty list under its own name, an empty optional has null.
   */
  readonly shapes?: Readonly<Record<string, readonly number[] | null>>
  /** Inputs to bind to a value: they become constants and are no inputs of the result. */
  readonly constants?: Readonly<Record<string, Tensor>>
}

export interface ImportedModel {
  readonly func: Func
  /** In the model's order. `internal` is the name of the function's parameter. */
  readonly inputs: readonly { name: string; internal: string; shape: readonly number[]; dtype: DType }[]
  /** In the model's order, which is that of the function's result tuple; a single output is no tuple. */
  readonly outputs: readonly { name: string; shape: readonly number[]; dtype: DType }[]
  /** What sequences and optionals are made of, by name; inputs and outputs that are not in there are tensors. */
  readonly structure: Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, Structure>>>>
  /** Open dimensions that were taken as 1. */
  readonly assumed: readonly AssumedDimension[]
}

/**
 * Imports an ONNX model as a Relay function. Weights become constants; whatever depends on constants alone is computed here,
 * so that shape arithmetic leaves no trace.
 *
 * @param source - Path or bytes. External data is found only beside a path.
 * @throws `ERR_NOT_ONNX`, `ERR_MODEL_TRUNCATED`, `ERR_MODEL_READ`, `ERR_EXTERNAL_DATA`, `ERR_INVALID_MODEL`,
 * `ERR_UNSUPPORTED_OPERATOR` (all of them at once), `ERR_UNSUPPORTED_OPSET`, `ERR_DYNAMIC_SHAPE`.
 */
export function importModel(source: string | Uint8Array, options: ImportOptions = {}): ImportedModel {
  return importRead(readModel(source), options)
}

/** As `importModel`, of a model that was read already. */
export function importRead(
  { proto, graph, readExternal }: OnnxModel,
  options: ImportOptions = {},
): ImportedModel {
  const opsets = opsetVersions(proto.opsetImport)
  checkOpset(opsets)
  const importer = new GraphImporter(proto.functions, readExternal, graph)
  refuseUnsupported(findUnsupported(graph.node, opsets, importer))

  const scope = new Scope()
  const given = new Set(graph.initializer.map(({ name }) => name))
  const constants = options.constants ?? {}
  const flat = flattenInputs(graph.input, options.shapes)
  checkConstants(constants, flat.tensors)
  for (const [name, value] of Object.entries(constants)) {
    scope.set(name, Value.constant(value))
    given.add(name)
  }
  const free = flat.tensors.filter(({ name }) => !given.has(name))
  const { types, assumed } = resolveInputs(free, flat.shapes)

  openLibrary()
  registerOperators()
  const inputs = types.map((type, i) => ({ ...type, internal: `i${i}` }))
  const params = inputs.map(({ name, internal, shape, dtype }) => {
    if (!isNarrow(dtype)) {
      const param = variable(internal, shape, dtype)
      scope.set(name, Value.computed(param))
      return param
    }
    const param = variable(internal, packedShape(dtype, shape), 'uint8')
    scope.set(name, unpacked(Value.computed(param), dtype, shape))
    return param
  })
  for (const [name, structure] of Object.entries(flat.structures)) {
    scope.set(
      name,
      nestedValue(name, structure, (tensor) => scope.get(tensor) as Value),
    )
  }
  const values = naming(inputs, () => importer.importGraph(graph, scope, { opsets }))
  const parts = graph.output.map(({ name }, i) => ({ name, ...flattenOutput(name, values[i] as Value) }))
  const results = parts.flatMap(({ tensors }) => tensors)
  const nested = parts.filter(({ structure }) => structure !== 'tensor')
  return {
    func: makeFunction(
      params,
      results.map(([, value]) => value),
    ),
    inputs,
    outputs: results.map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
    structure: {
      inputs: flat.structures,
      outputs: Object.fromEntries(nested.map(({ name, structure }) => [name, structure])),
    },
    assumed,
  }
}

/** Tells of shapes that depend on values by the model's names for the inputs in question. */
function naming<T>(inputs: ImportedModel['inputs'], work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_DYNAMIC_SHAPE') || !Array.isArray(error.details.inputs)) throw error
    const { inputs: parameters } = error.details
    const names = inputs.filter(({ internal }) => parameters.includes(internal)).map(({ name }) => name)
    const hint = names.length > 0 ? `; fix the values of ${names.map((name) => `'${name}'`).join(', ')}` : ''
    throw new TvmNodeError('ERR_DYNAMIC_SHAPE', `${error.message}${hint}`, {
      cause: error,
      details: { ...error.details, inputs: names },
    })
  }
}

function makeFunction(params: readonly Var[], values: readonly Value[]): Func {
  const [first] = values
  if (!first) throw new TvmNodeError('ERR_INVALID_MODEL', 'the model has no outputs')
  const body = values.length === 1 ? packed(first).expr : tuple(values.map((value) => packed(value).expr))
  return func(params, body)
}

/** The operators of a model that cannot be imported, without importing it; an empty list when all can. */
export function checkModel(source: string | Uint8Array): UnsupportedOperator[] {
  const { proto, graph, readExternal } = readModel(source)
  const opsets = opsetVersions(proto.opsetImport)
  checkOpset(opsets)
  return findUnsupported(graph.node, opsets, new GraphImporter(proto.functions, readExternal))
}
