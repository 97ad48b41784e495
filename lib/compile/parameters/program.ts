import { createHash } from 'node:crypto'
import type { Aspect, ConstantNode, ConstantTrace } from '../../ir/constant-trace.js'
import type { IRModule } from '../../ir/module.js'
import type { Op } from '../../ir/op.js'
import { type Expr, func, variable } from '../../ir/relay.js'
import { rewrite } from '../../ir/rewrite.js'
import { type NDArray, saveJSON, structuralHash } from '../../runtime/index.js'
import { type Tensor, tensorBytes } from '../../tensor.js'
import { visitConstants } from './value-reads.js'

/** A node as data; literals lie in a parameter file of their own, by their index. */
export type ProgramNode =
  | Extract<ConstantNode, { readonly kind: 'source' }>
  | { readonly kind: 'literal' }
  | (Omit<Extract<ConstantNode, { readonly kind: 'call' }>, 'call'> & {
      readonly op: string
      /** The library's JSON; null for operators without attributes. */
      readonly attrs: string | null
    })

/** How the parameters of an artifact derive from the weights of its model. */
export interface ParameterProgram {
  /** Of the model: see `structureHash`. */
  readonly structure: string
  /** Digest of everything else that the build depended on. */
  readonly settings: string
  /** Of the optimised graph: see `graphKey`. */
  readonly graph: string
  /** For each parameter the constants of the optimised graph that it is, in `visitConstants`' order. */
  readonly places: Readonly<Record<string, readonly number[]>>
  readonly derivation: {
    /** Those on which parameters or checks depend; null in place of others. */
    readonly nodes: readonly (ProgramNode | null)[]
    /** Values on which the structure depends. */
    readonly checks: readonly { readonly node: number; readonly aspect: Aspect; readonly digest: string }[]
    /** The node of each parameter that depends on weights. */
    readonly params: Readonly<Record<string, number>>
  }
}

export interface RecordedProgram {
  readonly program: ParameterProgram
  readonly literals: ReadonlyMap<string, NDArray>
}

/** What an optimised graph is but for the values of its constants with dimensions: those of scalars become part of the code. */
export function graphKey(mod: IRModule): string {
  const vars: Expr[] = []
  const main = mod.lookup()
  const body = rewrite(main.body, (expr) => {
    const data = expr.typeKey === 'relay.Constant' ? (expr.get('data') as NDArray) : undefined
    if (!data || data.shape.length === 0) return expr
    const lifted = variable(`c${vars.length}`, data.shape, data.dtype)
    vars.push(lifted)
    return lifted
  })
  const lifted = func([...main.params, ...(vars as typeof main.params)], body)
  return structuralHash(lifted).toString(16)
}

/** The constants of an optimised graph, in an order that its structure decides. */
export function graphConstants(mod: IRModule): NDArray[] {
  const found: NDArray[] = []
  visitConstants(mod, ({ data }) => found.push(data))
  return found
}

/** Writes down how the parameters of a build came about; undefined where some are of unknown origin. */
export function recordProgram(
  trace: ConstantTrace,
  mod: IRModule,
  params: ReadonlyMap<string, NDArray>,
  { structure, settings }: { readonly structure: string; readonly settings: string },
): RecordedProgram | undefined {
  const constants = graphConstants(mod)
  const places = new Map<number, number[]>()
  for (const [i, array] of constants.entries()) {
    // Most scalars become part of the code.
    if (array.shape.length === 0) trace.read(array)
    places.set(array.address, [...(places.get(array.address) ?? []), i])
  }
  const found = [...params].map(([name, array]) => [name, places.get(array.address)] as const)
  const named = new Set(found.flatMap(([, at]) => at ?? []))
  const isLost = (array: NDArray, i: number) => array.shape.length > 0 && !named.has(i)
  if (found.some(([, at]) => !at) || constants.some(isLost)) return undefined
  const literals = new Map<string, NDArray>()
  return {
    program: {
      structure,
      settings,
      graph: graphKey(mod),
      places: Object.fromEntries(found) as Record<string, number[]>,
      derivation: recordDerivation(trace, params, literals),
    },
    literals,
  }
}

function recordDerivation(
  trace: ConstantTrace,
  params: ReadonlyMap<string, NDArray>,
  literals: Map<string, NDArray>,
): ParameterProgram['derivation'] {
  const results = [...params].flatMap(([name, array]) => {
    const node = trace.nodeOf(array)
    return node === undefined ? [] : [[name, node] as const]
  })
  const needed = ancestors(trace.nodes, [...results.map(([, node]) => node), ...trace.reads.keys()])
  const nodes = trace.nodes.map((node, i) => {
    if (!needed.has(i)) return null
    if (node.kind === 'literal') literals.set(String(i), node.array)
    return plainNode(node)
  })
  const checks = [...trace.reads].flatMap(([node, aspects]) =>
    [...aspects].map((aspect) => ({ node, aspect, digest: digestOf(trace.valueOf(node), aspect) })),
  )
  return { nodes, checks, params: Object.fromEntries(results) }
}

function ancestors(nodes: readonly ConstantNode[], roots: readonly number[]): Set<number> {
  const needed = new Set<number>()
  const pending = [...roots]
  for (let i = pending.pop(); i !== undefined; i = pending.pop()) {
    if (needed.has(i)) continue
    needed.add(i)
    const node = nodes[i] as ConstantNode
    if (node.kind === 'call') pending.push(...node.args.flat())
  }
  return needed
}

function plainNode(node: ConstantNode): ProgramNode {
  if (node.kind === 'source') return node
  if (node.kind === 'literal') return { kind: 'literal' }
  const { call, ...rest } = node
  const { attrs } = call
  return { ...rest, op: (call.op as Op).name, attrs: attrs === null ? null : saveJSON(attrs) }
}

/** What may not change of a value: all of it, or whether no element is 0 or less. */
export function digestOf(value: Tensor, aspect: Aspect): string {
  if (aspect === 'sign') {
    const { data } = value
    for (let i = 0; i < data.length; i++) if ((data[i] as number) <= 0) return 'mixed'
    return 'positive'
  }
  const bytes = tensorBytes(value) ?? Buffer.from(JSON.stringify(value.data))
  return createHash('sha256').update(bytes).digest('base64')
}
