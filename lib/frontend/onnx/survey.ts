import { type ErrorCode, isTvmNodeError, type TvmNodeError } from '../../errors.js'
import { variable } from '../../ir/relay.js'
import { isNarrow } from '../../narrow.js'
import { whyUnknown, withInputNames } from './check.js'
import { nodeLabel } from './node.js'
import { findOperator, operatorName } from './registry.js'
import { type GraphProto, longToNumber, type NodeProto, present, type ValueInfoProto } from './schema.js'
import { elementType } from './tensor-proto.js'
import { computable, Value } from './value.js'

/** Something about a model that keeps it from being imported. */
export interface ModelProblem {
  /** What an import would end with. */
  readonly code: ErrorCode
  /** Empty for what is no node's: inputs, operator sets, the order of the graph. */
  readonly operator: string
  /** Empty for `ai.onnx`. */
  readonly domain: string
  /** The version of the domain's operator set; 0 where there is no operator. */
  readonly version: number
  /** Names of the nodes, or of their first outputs; within subgraphs and functions after those around them, as `outer > inner`. */
  readonly nodes: readonly string[]
  readonly reason: string
}

/** Parameters that stand for results of nodes that cannot be imported start with this. */
const STAND_IN = 'unknown'

/** Ends work on a node that takes what could not be imported. */
export class Unexamined extends Error {}

/** Goes on where an import would end, and notes why it would have. */
export class Survey {
  readonly #problems = new Map<string, ModelProblem & { readonly nodes: string[] }>()
  readonly #types = new Map<string, ValueInfoProto>()
  readonly #symbols = new Map<string, number>()
  #inputs: ReadonlyMap<string, string> = new Map()
  readonly #visited = new Set<GraphProto>()
  readonly #examined = new Set<NodeProto>()
  readonly #unexamined = new Set<NodeProto>()

  get problems(): ModelProblem[] {
    return [...this.#problems.values()]
  }
  /** How many nodes were looked at, in all and only by name, since they use results of others that cannot be imported. */
  get counts(): { readonly nodes: number; readonly byName: number } {
    for (const node of this.#examined) this.#unexamined.delete(node)
    return { nodes: this.#examined.size + this.#unexamined.size, byName: this.#unexamined.size }
  }

  /** Notes what the inputs are: extents of named dimensions, and names by parameter. */
  bind(
    declared: readonly ValueInfoProto[],
    inputs: readonly { name: string; internal: string; shape: readonly number[] }[],
  ): void {
    this.#inputs = new Map(inputs.map(({ internal, name }) => [internal, name]))
    const shapes = new Map(inputs.map(({ name, shape }) => [name, shape]))
    for (const { name, type } of declared) {
      for (const [axis, { dimParam }] of (type?.tensorType?.shape?.dim ?? []).entries()) {
        const extent = shapes.get(name)?.[axis]
        if (dimParam && extent !== undefined) this.#symbols.set(dimParam, extent)
      }
    }
  }

  /** Begins a graph: what it says of its tensors' types is noted. */
  enter(graph: GraphProto): void {
    if (this.#visited.has(graph)) return
    this.#visited.add(graph)
    for (const info of [...graph.valueInfo, ...graph.output, ...graph.input]) this.#types.set(info.name, info)
  }
  hasVisited(graph: GraphProto): boolean {
    return this.#visited.has(graph)
  }
  examined(node: NodeProto): void {
    this.#examined.add(node)
  }

  /** Whether `work` ends well; if not, why is noted as a problem that is no node's. */
  attempt(work: () => unknown): boolean {
    try {
      work()
      return true
    } catch (error) {
      this.note(error)
      return false
    }
  }

  /** Notes a problem that is no node's. */
  note(error: unknown): void {
    if (error instanceof Unexamined) return
    if (!isTvmNodeError(error)) throw error
    this.#add({ code: error.code, operator: '', domain: '', version: 0, reason: error.message }, undefined)
  }

  /** Notes why a node cannot be imported; nodes that only use such results are looked up by name. */
  noteNode(error: unknown, node: NodeProto, opset: number, path: readonly string[], isCall: boolean): void {
    const domain = node.domain === 'ai.onnx' ? '' : node.domain
    const about = { operator: node.opType, domain, version: opset }
    const place = [...path, node.name || node.output[0] || ''].join(' > ')
    if (error instanceof Unexamined || isAboutStandIn(error)) {
      this.#unexamined.add(node)
      const name = operatorName(node.domain, node.opType)
      if (isCall || findOperator(name, opset)) return
      this.#add({ code: 'ERR_UNSUPPORTED_OPERATOR', ...about, reason: whyUnknown(name, opset) }, place)
      return
    }
    if (!isTvmNodeError(error)) throw error
    this.#examined.add(node)
    const { code, message } = withInputNames(error, this.#inputs) as TvmNodeError
    const label = nodeLabel(node)
    const reason = message.startsWith(label) ? message.slice(label.length).replace(/^:? /, '') : message
    this.#add({ code, ...about, reason }, place)
  }

  #add(problem: Omit<ModelProblem, 'nodes'>, place: string | undefined): void {
    const key = JSON.stringify(problem)
    const entry = this.#problems.get(key) ?? { ...problem, nodes: [] }
    this.#problems.set(key, entry)
    if (place !== undefined && !entry.nodes.includes(place)) entry.nodes.push(place)
  }

  /** A value of the type that the model itself gives a tensor; unknown where it gives none. */
  standIn(name: string): Value {
    const type = this.#types.get(name)?.type?.tensorType
    if (!type?.shape) return Value.unknown
    const shape = type.shape.dim.map((dim) =>
      present(dim, 'dimValue') ? longToNumber(dim.dimValue) : (this.#symbols.get(dim.dimParam) ?? -1),
    )
    const isKnown = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0 && extent < 2 ** 31)
    if (!isKnown) return Value.unknown
    try {
      const dtype = elementType(type.elemType, name)
      if (isNarrow(dtype) || !computable(dtype)) return Value.unknown
      return Value.computed(variable(`${STAND_IN} ${name}`, shape, dtype))
    } catch {
      return Value.unknown
    }
  }
}

/** Whether a shape is said to depend on what only stands for a result that is not known. */
function isAboutStandIn(error: unknown): boolean {
  if (!isTvmNodeError(error, 'ERR_DYNAMIC_SHAPE') || !Array.isArray(error.details.inputs)) return false
  return error.details.inputs.some((name) => String(name).startsWith(STAND_IN))
}
