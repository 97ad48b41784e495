import { ComputeDag, hasReduction, ioTensors } from '../../auto-scheduler/dag.js'
import { asking, withFunctionScheduler } from '../../auto-scheduler/hook.js'
import { lowerGraph, optimizeRelay } from '../../compile/build.js'
import { importModel } from '../../frontend/onnx/import.js'
import { target as makeTarget } from '../../ir/target.js'
import { registerOperators } from '../../ops/register.js'
import { openLibrary, saveJSON, type TvmObject } from '../../runtime/index.js'
import { AUTO_SCHEDULER } from '../../schedule-config/search-record.js'
import { loadTemplates } from '../../schedule-config/user-templates.js'
import type { Extracted, NetworkSource, TuningTask } from '../autotvm/extract-task.js'

export interface NetworkRequest {
  readonly target: string
  /** Absolute paths of modules that register templates. */
  readonly templates: readonly string[]
  readonly source: NetworkSource
}

/** A task with all that other processes need of it. */
export interface ScheduleTask extends TuningTask {
  /** The computation, as JSON of the library. */
  readonly definition: string
  /** The function with its untuned schedule, lowered: a module as JSON of the library. */
  readonly untuned: string
}

/** There is no end of schedules. */
const ENDLESS = Number.MAX_SAFE_INTEGER

/** Finds the computations of a network that are worth a search: its fused functions that sum anything up, each once. */
export async function run({ target: text, templates, source }: NetworkRequest): Promise<Extracted> {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  await loadTemplates(templates)
  const target = makeTarget(text)
  const { func } = importModel(source.model, source)
  const options = { optLevel: source.optLevel, config: asking }
  const mod = optimizeRelay(func, target, { optLevel: source.optLevel })
  const found = new Map<string, ComputeDag>()
  const { graph, functions } = withFunctionScheduler(
    (name, outputs) => {
      if (hasReduction(outputs)) {
        const dag = tryDag(ioTensors(outputs))
        if (dag) found.set(name, dag)
      }
      return null
    },
    () => lowerGraph(mod, target, options),
  )
  const lowered = new Map<string, TvmObject>(
    functions?.functions.map(([variable, primFunc]) => [variable.get('name_hint') as string, primFunc]),
  )
  const calls = callsOf(graph)
  const tasks = new Map<string, ScheduleTask & { calls: number[] }>()
  for (const [name, dag] of found) {
    const primFunc = lowered.get(name)
    if (!primFunc) continue
    const entry = tasks.get(dag.key) ?? {
      workload: { task: AUTO_SCHEDULER, args: [dag.key] },
      title: describe(name, dag),
      flop: dag.flop,
      size: ENDLESS,
      defaults: { index: -1, code_hash: null, entity: [] },
      calls: [],
      definition: dag.save(),
      untuned: saveJSON(primFunc),
    }
    tasks.set(dag.key, entry)
    entry.calls.push(...(calls.get(name) ?? []))
  }
  return { target: String(target), tasks: [...tasks.values()].filter((task) => task.calls.length > 0) }
}

/** Undefined for shapes that are not known. */
function tryDag(tensors: ComputeDag['tensors']): ComputeDag | undefined {
  try {
    return ComputeDag.of(tensors)
  } catch {
    return undefined
  }
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

function describe(name: string, { tensors }: ComputeDag): string {
  const shapes = tensors.map(({ shape, dtype }) => `${shape.join('x')}:${dtype}`)
  return [name.replace(/^tvmgen_default_fused_/, ''), ...shapes].join(' ')
}
