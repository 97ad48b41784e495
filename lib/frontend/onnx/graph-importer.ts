import { isTvmNodeError, TvmNodeError } from '../../errors.js'
import { currentTrace } from '../../ir/constant-trace.js'
import { Attributes } from './attributes.js'
import { whyUnknown } from './check.js'
import type { ImportContext } from './context.js'
import { extentArithmetic } from './extent-arithmetic.js'
import type { Captured } from './machine-loop.js'
import { movesElements } from './narrow.js'
import { nodeLabel, OnnxNode } from './node.js'
import { orderNodes } from './order.js'
import { findOperator, type OperatorVersion, operatorName } from './registry.js'
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  longToNumber,
  type NodeProto,
  type OperatorSetIdProto,
  type SparseTensorProto,
} from './schema.js'
import { readSparseTensor } from './sparse-tensor.js'
import { type Survey, Unexamined } from './survey.js'
import { type ReadExternal, readTensor } from './tensor-proto.js'
import { OpenShape, Value } from './value.js'

/** Names in force at a place of the model, each made when first asked for. */
export class Scope {
  readonly #values = new Map<string, Value>()
  readonly #pending = new Map<string, () => Value>()
  readonly #outer: Scope | undefined
  readonly #adopt: (value: Value) => Value

  /** @param adopt - What stands for a value from around. */
  constructor(outer?: Scope, adopt: (value: Value) => Value = (value) => value) {
    this.#outer = outer
    this.#adopt = adopt
  }
  has(name: string): boolean {
    return this.owns(name) || (this.#outer?.has(name) ?? false)
  }
  /** Whether the name is in force here, not around. */
  owns(name: string): boolean {
    return this.#values.has(name) || this.#pending.has(name)
  }
  set(name: string, value: Value): void {
    this.#values.set(name, value)
  }
  setLazily(name: string, make: () => Value): void {
    this.#pending.set(name, make)
  }
  get(name: string): Value | undefined {
    const make = this.#pending.get(name)
    if (make && !this.#values.has(name)) this.#values.set(name, make())
    const own = this.#values.get(name)
    if (own) return own
    const around = this.#outer?.get(name)
    return around && this.#adopt(around)
  }
}

/** What nodes are read against: operator set versions, attributes of the function around them. */
export interface Surroundings {
  readonly opsets: ReadonlyMap<string, number>
  /** The caller's attributes, inside a function. */
  readonly attributes?: ReadonlyMap<string, AttributeProto>
}

/** Operator set versions by domain; `ai.onnx` is the empty domain. */
export function opsetVersions(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  const normalized = (domain: string | undefined) =>
    domain === undefined || domain === 'ai.onnx' ? '' : domain
  return new Map(
    imports.map(({ domain, version }) => [normalized(domain), version ? longToNumber(version) : 1]),
  )
}

/** Turns graphs into values: follows the nodes in order and hands each to its operator's converter. */
export class GraphImporter {
  readonly #functions: ReadonlyMap<string, FunctionProto>
  readonly #readExternal: ReadExternal
  /** The functions around the place that is imported. */
  readonly #entered = new Set<FunctionProto>()
  readonly #main: GraphProto
  readonly #survey: Survey | undefined
  readonly #open: boolean
  /** Names of the nodes around the place that is imported. */
  readonly #path: string[] = []

  /**
   * @param main - The graph whose weights a trace follows.
   * @param survey - Notes what cannot be imported; without one the first such node ends the import.
   * @param open - Whether extents may be left to be found by a run.
   */
  constructor(
    functions: readonly FunctionProto[],
    readExternal: ReadExternal,
    main: GraphProto,
    { survey, open = false }: { survey?: Survey | undefined; open?: boolean } = {},
  ) {
    this.#main = main
    this.#survey = survey
    this.#open = open
    this.#functions = new Map(
      functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]),
    )
    this.#readExternal = readExternal
  }

  /** The function of the model that a node calls, if any; such a function wins over an operator of the same name. */
  #functionOf({ domain, opType, overload }: NodeProto): FunctionProto | undefined {
    return this.#functions.get(functionKey(domain, opType, overload))
  }

  /** Imports a graph whose inputs are in `scope` already; yields the graph's outputs. */
  importGraph(graph: GraphProto, scope: Scope, around: Surroundings): Value[] {
    this.#survey?.enter(graph)
    for (const proto of graph.initializer) {
      scope.setLazily(proto.name, () => {
        const tensor = readTensor(proto, this.#readExternal)
        if (graph === this.#main) currentTrace()?.source(proto.name, tensor)
        return Value.constant(tensor)
      })
    }
    for (const proto of graph.sparseInitializer) {
      scope.setLazily(proto.values?.name ?? '', () => this.#readSparse(proto))
    }
    return this.#importNodes(
      graph.node,
      graph.output.map(({ name }) => name),
      scope,
      around,
    )
  }

  #readSparse(proto: SparseTensorProto): Value {
    return Value.constant(readSparseTensor(proto, this.#readExternal))
  }

  #importNodes(
    nodes: readonly NodeProto[],
    outputs: readonly string[],
    scope: Scope,
    around: Surroundings,
  ): Value[] {
    const ordered = orderNodes(nodes, outputs, {
      isKnown: (name) => scope.has(name),
      isTaken: (name) => scope.owns(name),
    })
    for (const proto of ordered) {
      if (this.#survey) this.#surveyNode(this.#survey, proto, scope, around)
      else this.#importNode(proto, scope, around)
    }
    return outputs.map((name) => scope.get(name) as Value)
  }

  #importNode(proto: NodeProto, scope: Scope, around: Surroundings): void {
    const inputs = proto.input.map((name) => (name ? scope.get(name) : undefined))
    if (inputs.includes(Value.unknown)) throw new Unexamined()
    const called = this.#functionOf(proto)
    const attrs = this.#attributes(proto, around)
    this.#path.push(proto.name || proto.output[0] || '')
    const results = called
      ? this.#importFunction(called, inputs, attrs, around)
      : this.#convert(new OnnxNode(proto, attrs, opsetOf(proto, around), this.#open), inputs, scope, around)
    this.#path.pop()
    for (const [i, name] of proto.output.entries()) {
      const value = results[i]
      if (!name) continue
      if (!value) new OnnxNode(proto, attrs, 0).unsupported(`its output ${i} ('${name}') is not supported`)
      else scope.set(name, value)
    }
  }

  /** Imports a node or says why it cannot be; what is within it is looked at in any case. */
  #surveyNode(survey: Survey, proto: NodeProto, scope: Scope, around: Surroundings): void {
    const depth = this.#path.length
    const entered = [...this.#entered]
    try {
      this.#importNode(proto, scope, around)
      survey.examined(proto)
      return
    } catch (error) {
      this.#path.length = depth
      this.#entered.clear()
      for (const each of entered) this.#entered.add(each)
      const called = this.#functionOf(proto)
      survey.noteNode(error, proto, opsetOf(proto, around), this.#path, called !== undefined)
      this.#path.push(proto.name || proto.output[0] || '')
      const inner = proto.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
      for (const graph of inner.filter((each) => !survey.hasVisited(each))) {
        survey.enter(graph)
        const known = graph.input.map(({ name }) => survey.standIn(name))
        survey.attempt(() => this.#importSubgraph(graph, known, scope, around))
      }
      const unknown = proto.input.map(() => Value.unknown)
      if (called && !this.#entered.has(called) && error instanceof Unexamined)
        survey.attempt(() => this.#importFunction(called, unknown, this.#attributes(proto, around), around))
      this.#path.length = depth
    }
    for (const name of proto.output) if (name && !scope.owns(name)) scope.set(name, survey.standIn(name))
  }

  #convert(
    node: OnnxNode,
    inputs: readonly (Value | undefined)[],
    scope: Scope,
    around: Surroundings,
  ): readonly (Value | undefined)[] {
    const { proto } = node
    const name = operatorName(proto.domain, proto.opType)
    const found = findOperator(name, node.opset)
    if (!found) return node.unsupported(whyUnknown(name, node.opset))
    const missing = Array.from({ length: found.required }, (_, i) => i).find((i) => !inputs[i])
    if (missing !== undefined) node.invalid(`its input ${missing} is missing`)
    const context: ImportContext = {
      importSubgraph: (graph, values, captured) =>
        this.#importSubgraph(graph, values, scope, around, captured),
      readSparse: (sparse) => this.#readSparse(sparse),
    }
    try {
      const extents = extentArithmetic(node, inputs)
      if (extents instanceof Value) return [extents]
      const results = convertWith(found, node, inputs, context)
      if (!this.#open && results.some((value) => value?.isTensor && value.isOpen))
        node.dynamic('the extents of its result depend on values', inputs)
      return extents ? results.map((value) => value?.withExtents(extents.extents)) : results
    } catch (error) {
      if (isTvmNodeError(error, 'ERR_INVALID_ARGUMENT')) node.unsupported(error.message)
      if (error instanceof OpenShape) node.dynamic(error.message, inputs)
      if (error instanceof RangeError) node.invalid(`its result is too large: ${error.message}`, error)
      // Attributes or types that Relay refuses are the model's fault or a gap here; either way the node must be named.
      if (!isTvmNodeError(error, 'ERR_TVM')) throw error
      throw new TvmNodeError('ERR_INVALID_MODEL', `${node.label}: ${firstLine(error.message)}`, {
        cause: error,
        details: { node: proto.name, operator: proto.opType },
      })
    }
  }

  #importSubgraph(
    graph: GraphProto,
    inputs: readonly Value[],
    outer: Scope,
    around: Surroundings,
    captured?: Captured,
  ): Value[] {
    const scope = new Scope(outer, captured && ((value) => captured.adopt(value)))
    for (const [i, { name }] of graph.input.entries()) {
      const value = inputs[i]
      if (value) scope.set(name, value)
    }
    const results = this.importGraph(graph, scope, around)
    if (results.includes(Value.unknown)) throw new Unexamined()
    return results
  }

  #importFunction(
    proto: FunctionProto,
    inputs: readonly (Value | undefined)[],
    attrs: Attributes,
    around: Surroundings,
  ): Value[] {
    const scope = new Scope()
    for (const [i, name] of proto.input.entries()) {
      const value = inputs[i]
      if (value) scope.set(name, value)
    }
    const attributes = new Map(proto.attributeProto.map((each) => [each.name, each]))
    for (const name of [...proto.attribute, ...attributes.keys()]) {
      const given = attrs.proto(name)
      if (given) attributes.set(name, given)
    }
    if (this.#entered.has(proto))
      throw new TvmNodeError('ERR_INVALID_MODEL', `function '${proto.name}' calls itself`)
    const opsets = new Map([...around.opsets, ...opsetVersions(proto.opsetImport)])
    this.#entered.add(proto)
    const results = this.#importNodes(proto.node, proto.output, scope, { opsets, attributes })
    this.#entered.delete(proto)
    if (results.includes(Value.unknown)) throw new Unexamined()
    return results
  }

  /** A node's attributes; inside a function some refer to the caller's. */
  #attributes(proto: NodeProto, { attributes }: Surroundings): Attributes {
    const resolved: AttributeProto[] = []
    for (const each of proto.attribute) {
      if (!each.refAttrName) resolved.push(each)
      else {
        const given = attributes?.get(each.refAttrName)
        if (given) resolved.push({ ...given, name: each.name })
      }
    }
    return new Attributes(resolved, nodeLabel(proto), this.#readExternal)
  }
}

/** Most operators cannot compute with values of narrow types; those that move elements need not look at them. */
function convertWith(
  { convert, takesNarrow = false, takesSequences = false }: OperatorVersion,
  node: OnnxNode,
  inputs: readonly (Value | undefined)[],
  context: ImportContext,
): readonly (Value | undefined)[] {
  const list = (values: ReturnType<OperatorVersion['convert']>) =>
    values instanceof Value ? [values] : values
  if (!takesSequences && inputs.some((value) => value && !value.isTensor)) {
    node.unsupported('an input is a sequence or an optional without a value')
  }
  const [narrow] = inputs.filter((value) => value?.stored)
  if (!narrow || takesNarrow) return list(convert(node, inputs as never, context))
  if (!movesElements(node.proto.opType)) node.unsupported(`values of ${narrow.dtype} are not supported`)
  const results = list(convert(node, inputs.map((value) => value?.stored ?? value) as never, context))
  return results.map((value) =>
    value?.dtype === narrow.stored?.dtype ? Value.narrow(value as Value, narrow.dtype) : value,
  )
}

function opsetOf({ domain }: NodeProto, { opsets }: Surroundings): number {
  return opsets.get(domain === 'ai.onnx' ? '' : domain) ?? 1
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}:${name}:${overload}`
}

/** TVM's message without its stack. */
function firstLine(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '')
  return (
    lines.find((line) => !/^(TVMError|InternalError|DiagnosticError|Stack trace|\s)/.test(line)) ??
    lines[0] ??
    message
  )
}
