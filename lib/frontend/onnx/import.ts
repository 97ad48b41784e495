import { isTvmNodeError, TvmNodeError } from '../../errors.js'
import { type Expr, type Func, func, tuple, type Var, variable } from '../../ir/relay.js'
import { isNarrow } from '../../narrow.js'
import { registerOperators } from '../../ops/register.js'
import { openLibrary } from '../../runtime/index.js'
import type { Structure } from '../../session/structure.js'
import type { DType, Tensor } from '../../tensor.js'
import { checkOpset, unsupported, withInputNames } from './check.js'
import { GraphImporter, opsetVersions, Scope } from './graph-importer.js'
import { type AssumedDimension, checkConstants, type Opening, resolveInputs } from './input-shapes.js'
import { type OnnxModel, readModel } from './model.js'
import { packed, packedShape, unpacked } from './narrow.js'
import { flattenInputs, flattenOutput, nestedValue } from './nested-inputs.js'
import './operators/index.js'
import type { GraphProto, ValueInfoProto } from './schema.js'
import { type ModelProblem, Survey } from './survey.js'
import { Value } from './value.js'

export interface ImportOptions {
  /**
   * Extents by input name for dimensions that the model leaves open; `-1` keeps the model's. The elements of a sequence `x` are
   * named `x[0]`, `x[1]`...; an empty one has an empty list under its own name, an empty optional has null.
   */
  readonly shapes?: Readonly<Record<string, readonly number[] | null>>
  /** Which dimensions stay open (-1): none (default), all that nobody pinned, or those where one beside the batch is open. */
  readonly open?: Opening
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
export function importRead(model: OnnxModel, options: ImportOptions = {}): ImportedModel {
  try {
    return importAll(model, options)
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_UNSUPPORTED_OPERATOR')) throw error
    const { problems } = surveyRead(model, options)
    const operators = problems.filter(({ code }) => code === error.code)
    throw operators.length > 0 ? unsupported(operators, error) : error
  }
}

function importAll({ proto, graph, readExternal }: OnnxModel, options: ImportOptions): ImportedModel {
  const opsets = opsetVersions(proto.opsetImport)
  checkOpset(opsets)
  const scope = new Scope()
  const { inputs, params, structures, assumed } = bindInputs(graph, graph.input, options, scope)
  const open = isOpening(options)
  const importer = new GraphImporter(proto.functions, readExternal, graph, { open })
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
    outputs: results.map(([name, { dims, dtype }]) => ({ name, shape: dims, dtype })),
    structure: {
      inputs: structures,
      outputs: Object.fromEntries(nested.map(({ name, structure }) => [name, structure])),
    },
    assumed,
  }
}

/** Whether extents may be left to be found by a run. */
function isOpening({ open }: ImportOptions): boolean {
  return open !== undefined && open !== 'none'
}

interface BoundInputs {
  readonly inputs: ImportedModel['inputs']
  readonly params: readonly Var[]
  readonly structures: Readonly<Record<string, Structure>>
  readonly assumed: readonly AssumedDimension[]
}

/** Gives the inputs of a model their values in `scope`: parameters of a function, or the constants that they are fixed to. */
function bindInputs(
  { initializer }: GraphProto,
  declared: readonly ValueInfoProto[],
  { shapes, constants = {}, open }: ImportOptions,
  scope: Scope,
): BoundInputs {
  const given = new Set(initializer.map(({ name }) => name))
  const flat = flattenInputs(declared, shapes)
  checkConstants(constants, flat.tensors)
  for (const [name, value] of Object.entries(constants)) {
    scope.set(name, Value.constant(value))
    given.add(name)
  }
  const free = flat.tensors.filter(({ name }) => !given.has(name))
  const { types, assumed } = resolveInputs(free, flat.shapes, open)

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
    repacking(`input '${name}'`, dtype, () => scope.set(name, unpacked(Value.computed(param), dtype, shape)))
    return param
  })
  for (const [name, structure] of Object.entries(flat.structures)) {
    scope.set(
      name,
      nestedValue(name, structure, (tensor) => scope.get(tensor) as Value),
    )
  }
  return { inputs, params, structures: flat.structures, assumed }
}

function namesByParameter(inputs: ImportedModel['inputs']): Map<string, string> {
  return new Map(inputs.map(({ internal, name }) => [internal, name]))
}

function naming<T>(inputs: ImportedModel['inputs'], work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw withInputNames(error, namesByParameter(inputs))
  }
}

/** Between packed numbers and one a byte; the library's message for sizes that it cannot hold would name nothing. */
function repacking<T>(what: string, dtype: DType, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!isNarrow(dtype) || !isTvmNodeError(cause, 'ERR_TVM')) throw cause
    throw new TvmNodeError('ERR_INVALID_MODEL', `${what} of ${dtype} is too large`, { cause })
  }
}

function makeFunction(params: readonly Var[], values: readonly Value[]): Func {
  const [first] = values
  if (!first) throw new TvmNodeError('ERR_INVALID_MODEL', 'the model has no outputs')
  const exprs = values.map((value, i) => repacking(`output ${i}`, value.dtype, () => packed(value).expr))
  return func(params, exprs.length === 1 ? (exprs[0] as Expr) : tuple(exprs))
}

/** What a model's import comes to. */
export interface ModelSurvey {
  readonly problems: readonly ModelProblem[]
  /** Nodes looked at. */
  readonly nodes: number
  /** Of these, nodes looked up by name only, since they use results of nodes that cannot be imported. */
  readonly byName: number
  readonly assumed: readonly AssumedDimension[]
}

/**
 * Everything that keeps a model from being imported, in one go: nodes with their subgraphs and functions, inputs, operator sets. What
 * follows a node that cannot be imported is looked at with the types that the model itself gives, or else by name.
 *
 * @throws `ERR_NOT_ONNX`, `ERR_MODEL_TRUNCATED`, `ERR_MODEL_READ`.
 */
export function surveyModel(source: string | Uint8Array, options: ImportOptions = {}): ModelSurvey {
  return surveyRead(readModel(source), options)
}

function surveyRead({ proto, graph, readExternal }: OnnxModel, options: ImportOptions): ModelSurvey {
  const survey = new Survey()
  const opsets = opsetVersions(proto.opsetImport)
  survey.attempt(() => checkOpset(opsets))
  const scope = new Scope()
  const assumed = surveyInputs(survey, graph, options, scope)
  const importer = new GraphImporter(proto.functions, readExternal, graph, {
    survey,
    open: isOpening(options),
  })
  survey.attempt(() => importer.importGraph(graph, scope, { opsets }))
  return { problems: survey.problems, ...survey.counts, assumed }
}

/** As `bindInputs`; where an input has a problem, what uses it is not known. */
function surveyInputs(
  survey: Survey,
  graph: GraphProto,
  options: ImportOptions,
  scope: Scope,
): readonly AssumedDimension[] {
  try {
    const { inputs, assumed } = bindInputs(graph, graph.input, options, scope)
    survey.bind(graph.input, inputs)
    return assumed
  } catch (error) {
    const before = survey.problems.length
    for (const input of graph.input) {
      const ofInput = <T>(all: Readonly<Record<string, T>> = {}) =>
        Object.fromEntries(Object.entries(all).filter(([name]) => belongsTo(name, input.name)))
      const own = { ...options, shapes: ofInput(options.shapes), constants: ofInput(options.constants) }
      if (!survey.attempt(() => bindInputs(graph, [input], own, scope))) scope.set(input.name, Value.unknown)
    }
    if (survey.problems.length === before) survey.note(error)
    return []
  }
}

/** Whether a name is that of an input or of an element of it. */
function belongsTo(name: string, input: string): boolean {
  return name === input || name.startsWith(`${input}[`)
}
