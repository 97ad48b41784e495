import { lowerGraph, optimizeRelay } from '../compile/build.js'
import type { Lowered } from '../compile/lower.js'
import { importModel } from '../frontend/onnx/import.js'
import { target as makeTarget, type Target } from '../ir/target.js'
import { registerOperators } from '../ops/register.js'
import { openLibrary, saveJSON, type TvmObject } from '../runtime/index.js'
import type { LoweringConfig } from '../schedule-config/function-history.js'
import { loadTemplates } from '../schedule-config/user-templates.js'
import type { TensorArg } from '../schedule-config/workload.js'
import type { NetworkSource, TuningTask } from './autotvm/extract-task.js'

export interface NetworkRequest {
  readonly target: string
  /** Absolute paths of modules that register templates. */
  readonly templates: readonly string[]
  readonly source: NetworkSource
}

/** A task with all that other processes need of it. */
export interface FunctionTask extends TuningTask {
  /** The function as whoever schedules it takes it. */
  readonly definition: string
  /** What it takes, results last. */
  readonly tensors: readonly TensorArg[]
  /** The function with its untuned schedule, lowered: a module as JSON of the library. */
  readonly untuned: string
}

/** A fused function that is worth a search. */
export interface FoundFunction {
  /** Equal for equal functions: the first argument of their records. */
  readonly key: string
  readonly definition: string
  readonly flop: number
  readonly tensors: readonly TensorArg[]
}

export interface FunctionSearch {
  /** The task of records. */
  readonly task: string
  /** Lowers the network while `find` is asked about each of its fused functions, which keep their own schedules. */
  readonly watch: (
    note: (name: string, found: FoundFunction) => void,
    lower: (config: LoweringConfig) => Lowered,
  ) => Lowered
}

/** There is no end of schedules. */
const ENDLESS = Number.MAX_SAFE_INTEGER

/** Finds the functions of a network that are worth a search, each once. */
export async function functionTasks(
  { templates, source }: NetworkRequest,
  target: Target,
  { task, watch }: FunctionSearch,
): Promise<FunctionTask[]> {
  await loadTemplates(templates)
  const { func } = importModel(source.model, source)
  const { optLevel, desiredLayouts } = source
  const options = { optLevel, desiredLayouts }
  const mod = optimizeRelay(func, target, options)
  const found = new Map<string, FoundFunction>()
  const { graph, functions } = watch(
    (name, each) => found.set(name, each),
    (config) => lowerGraph(mod, target, { ...options, config }),
  )
  const lowered = new Map<string, TvmObject>(
    functions?.functions.map(([variable, primFunc]) => [variable.get('name_hint') as string, primFunc]),
  )
  const calls = callsOf(graph)
  const tasks = new Map<string, FunctionTask & { calls: number[] }>()
  for (const [name, { key, definition, flop, tensors }] of found) {
    const primFunc = lowered.get(name)
    if (!primFunc) continue
    const entry = tasks.get(key) ?? {
      workload: { task, args: [key] },
      title: describe(name, tensors),
      flop,
      size: ENDLESS,
      defaults: { index: -1, code_hash: null, entity: [] },
      calls: [],
      definition,
      tensors: tensors.map(({ shape, dtype }) => ({ shape, dtype })),
      untuned: saveJSON(primFunc),
    }
    tasks.set(key, entry)
    entry.calls.push(...(calls.get(name) ?? []))
  }
  return [...tasks.values()].filter((each) => each.calls.length > 0)
}

/** Opens the library and makes the target. */
export function prepare(target: string): Target {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  return makeTarget(target)
}

/** Positions of the nodes of a graph that call each function. */
function callsOf(graph: string): Map<string, number[]> {
  const { nodes } = JSON.parse(graph) as { nodes: { op: string; attrs?: { func_name?: string } }[] }
  const calls = new Map<string, number[]>()
  for (const [i, { attrs }] of nodes.entries()) {
    const name = attrs?.func_name
    if (name !== undefined) calls.set(name, [...(calls.get(name) ?? []), i])
  }
  return calls
}

function describe(name: string, tensors: readonly TensorArg[]): string {
  const shapes = tensors.map(({ shape, dtype }) => `${shape.join('x')}:${dtype}`)
  return [name.replace(/^tvmgen_default_fused_/, ''), ...shapes].join(' ')
}
