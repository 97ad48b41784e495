import { optimize } from '../../compile/optimize.js'
import { importModel } from '../../frontend/onnx/import.js'
import { IRModule } from '../../ir/module.js'
import { Call, type Expr, Op } from '../../ir/relay.js'
import { rewrite } from '../../ir/rewrite.js'
import { target as makeTarget, type Target, withTarget } from '../../ir/target.js'
import { placeholder, type Tensor } from '../../ir/te.js'
import { withPassContext } from '../../ir/transform.js'
import { TensorType, TupleType } from '../../ir/type.js'
import type { DesiredLayouts } from '../../ops/desired-layouts.js'
import { registerOperators } from '../../ops/register.js'
import { implementationsOf } from '../../ops/select.js'
import type { Attrs } from '../../ops/strategy.js'
import { openLibrary, type TvmObject } from '../../runtime/index.js'
import { ConfigEntity, type PlainConfig } from '../../schedule-config/config-entity.js'
import { ConfigSpace } from '../../schedule-config/config-space.js'
import { countFlop } from '../../schedule-config/flop.js'
import { getTemplate, instantiate } from '../../schedule-config/template.js'
import { loadTemplates } from '../../schedule-config/user-templates.js'
import { type Workload, workloadKey } from '../../schedule-config/workload.js'
import type { NamedTensors } from '../../session/inputs.js'

/** A network whose operators are to be tuned. */
export interface NetworkSource {
  /** Absolute path of the model. */
  readonly model: string
  readonly optLevel: number
  readonly shapes: Readonly<Record<string, readonly number[] | null>>
  readonly constants: NamedTensors
  readonly desiredLayouts: DesiredLayouts
}

export interface ExtractRequest {
  readonly target: string
  /** Absolute paths of modules that register templates. */
  readonly templates: readonly string[]
  /** A network, or workloads by themselves. */
  readonly source: NetworkSource | readonly Workload[]
}

/** One thing to tune: a workload of the network, once however often it occurs. */
export interface TuningTask {
  readonly workload: Workload
  /** For people, where the workload does not say it: name and shapes. */
  readonly title?: string
  /** Arithmetic operations of one call. */
  readonly flop: number
  /** Configurations to choose from. */
  readonly size: number
  /** What is taken without a record; its index is -1 where it lies outside the space. */
  readonly defaults: PlainConfig
  /** The calls of the network that it may serve, numbered. */
  readonly calls: readonly number[]
}

export interface Extracted {
  /** As the library prints it. */
  readonly target: string
  readonly tasks: readonly TuningTask[]
  /** For people: what this way of tuning is not good at. */
  readonly warnings?: readonly string[]
}

/** Finds what can be tuned, with what a search needs to know of it. */
export async function run({ target: text, templates, source }: ExtractRequest): Promise<Extracted> {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  await loadTemplates(templates)
  const target = makeTarget(text)
  const found =
    'model' in source
      ? workloadsOfNetwork(source, target)
      : source.map((workload, call) => ({ workload, calls: [call] }))
  return {
    target: String(target),
    tasks: found.map(({ workload, calls }) => describe(workload, calls, target)),
  }
}

interface Found {
  readonly workload: Workload
  readonly calls: number[]
}

/**
 * Every valid template of every operator, in the order of their first call, with layouts as they are before tuning decides
 * them (TVM v0.18, python/tvm/autotvm/task/relay_integration.py).
 */
function workloadsOfNetwork(source: NetworkSource, target: Target): Found[] {
  const { optLevel, desiredLayouts } = source
  const { func } = importModel(source.model, source)
  const mod = withPassContext({ optLevel }, () =>
    optimize(IRModule.fromFunction(func), target, optLevel, { without: ['AlterOpLayout'], desiredLayouts }),
  )
  const found = new Map<string, Found>()
  let calls = 0
  rewrite(mod.lookup(), (expr) => {
    if (!(expr instanceof Call) || !(expr.op instanceof Op)) return expr
    const call = calls++
    for (const workload of workloadsOf(expr, expr.op, target)) {
      const key = workloadKey(workload)
      const entry = found.get(key) ?? { workload, calls: [] }
      found.set(key, entry)
      entry.calls.push(call)
    }
    return expr
  })
  return [...found.values()]
}

function workloadsOf(call: Call, op: Op, target: Target): Workload[] {
  const inputs = call.args.flatMap((arg, i) => placeholders(typeOf(arg), `arg${i}`))
  if (inputs.some(({ shape }) => shape.some((extent) => extent < 0))) return []
  const context = { attrs: call.attrs as Attrs, inputs, outType: typeOf(call), target }
  return withTarget(target, () =>
    implementationsOf(op.name, context).flatMap(({ workload }) => (workload ? [workload] : [])),
  )
}

function typeOf(expr: Expr): TvmObject {
  return expr.get('_checked_type_') as TvmObject
}

function placeholders(type: TvmObject, name: string): Tensor[] {
  if (type instanceof TensorType) return [placeholder(type.shape, type.dtype, name)]
  return type instanceof TupleType ? type.fields.flatMap((field) => placeholders(field, name)) : []
}

function describe(workload: Workload, calls: readonly number[], target: Target): TuningTask {
  const space = new ConfigSpace()
  const { args } = instantiate(workload, space, target)
  const chosen = getTemplate(workload.task).defaults(workload.args, target)
  const defaults = new ConfigEntity(chosen.entities, space.find(chosen))
  const flop = space.flop || countFlop(args.slice(0, 1))
  return { workload, flop, size: space.length, defaults: defaults.toPlain(), calls }
}
