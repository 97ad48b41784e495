import { ComputeDag } from '../../auto-scheduler/dag.js'
import { parseState } from '../../auto-scheduler/state.js'
import { target as makeTarget } from '../../ir/target.js'
import { native } from '../../native.js'
import { getGlobalFunc, openLibrary, packed, type TvmArray, type TvmObject } from '../../runtime/index.js'
import type { MeasureInput } from '../../schedule-config/search-record.js'
import type { HardwareSettings } from '../config.js'
import { Random } from '../random.js'
import { joined, type ProgramFeatures, programFeatures } from './program-features.js'
import { ProgramModel } from './program-model.js'

/** What schedules are searched for. */
export interface SearchTaskDefinition {
  readonly key: string
  readonly definition: string
}

/** A schedule that was measured. */
export interface MeasuredSchedule {
  readonly key: string
  readonly input: MeasureInput
  /** Seconds a call; infinite where it failed. */
  readonly cost: number
}

export type ScheduleSearchRequest =
  | {
      readonly type: 'open'
      readonly target: string
      readonly hardware: Required<HardwareSettings>
      readonly tasks: readonly SearchTaskDefinition[]
      readonly mode: 'xgb' | 'random'
      readonly seed: number
    }
  | {
      readonly type: 'propose'
      readonly key: string
      readonly count: number
      /** Measured since the last request, of any task. */
      readonly measured: readonly MeasuredSchedule[]
    }

/** Share of a batch that is random, so that the model also sees what it thinks little of. */
const RANDOM_SHARE = 0.05
/** Share of the first generation that are the best measured ones. */
const MEASURED_SHARE = 0.2
const POPULATION = 256
/**
 * As in TVM (v0.18, python/tvm/auto_scheduler/search_policy.py), but smaller generations: batches are smaller too, and each is
 * bred anew.
 */
const policyParameters = {
  eps_greedy: RANDOM_SHARE,
  retry_search_one_round_on_empty: 1,
  sample_init_min_population: 50,
  sample_init_use_measured_ratio: MEASURED_SHARE,
  evolutionary_search_population: POPULATION,
  evolutionary_search_num_iters: 3,
  evolutionary_search_mutation_prob: 0.85,
  cpu_multi_level_tiling_structure: 'SSRSRS',
  gpu_multi_level_tiling_structure: 'SSSRRSRS',
  max_innermost_split_factor: 64,
  max_vectorize_size: 16,
  disable_change_compute_location: 0,
} as const
/** New trials, as a share of those known, that a model is trained again for. */
const WORTH_TRAINING = 0.2
const FEWEST_TO_TRAIN = 8

interface Measured {
  readonly state: TvmObject
  readonly cost: number
  readonly features: ProgramFeatures
}

interface OpenTask {
  readonly task: TvmObject
  readonly policy: TvmObject
  readonly measured: Measured[]
  /** Steps of all that was measured or proposed. */
  readonly known: Set<string>
}

/** The engine's side of the tuner: a search over sketches by the library, led by a model of what was measured. */
class ScheduleSearch {
  private readonly tasks = new Map<string, OpenTask>()
  private readonly definitions: ReadonlyMap<string, string>
  private readonly random: Random
  private readonly model: ProgramModel | undefined
  private readonly costModel: TvmObject
  private trained = 0

  constructor(private readonly options: Extract<ScheduleSearchRequest, { type: 'open' }>) {
    this.definitions = new Map(options.tasks.map(({ key, definition }) => [key, definition]))
    this.random = new Random(options.seed)
    this.model = options.mode === 'xgb' ? new ProgramModel(options.seed) : undefined
    const fill = (task: TvmObject, states: TvmArray<TvmObject>, address: bigint) =>
      native.copyToAddress(address, this.predict(task, states.toArray()))
    const fillStages = (task: TvmObject, states: TvmArray<TvmObject>, address: bigint) => {
      const scores = this.predict(task, states.toArray())
      // Scores, then for each program a count of its stages' scores: none.
      native.copyToAddress(address, Float32Array.of(...scores, ...scores.map(() => 0)))
    }
    this.costModel = getGlobalFunc('auto_scheduler.PythonBasedModel')(
      packed(() => null),
      packed(fill as never),
      packed(fillStages as never),
    ) as TvmObject
  }

  /** Takes in what was measured, and chooses schedules that were not. */
  propose({ key, count, measured }: Extract<ScheduleSearchRequest, { type: 'propose' }>): MeasureInput[] {
    for (const each of measured) this.learn(each)
    this.train()
    const open = this.open(key)
    const population = this.firstGeneration(open)
    const random = Math.max(1, Math.round(RANDOM_SHARE * count))
    const better = this.model?.ready ? this.evolve(open, population, count + open.known.size) : []
    const chosen: TvmObject[] = []
    const take = (states: readonly TvmObject[], limit: number) => {
      for (const state of states) {
        if (chosen.length >= limit) break
        const steps = stepsOf(state)
        if (open.known.has(steps)) continue
        open.known.add(steps)
        chosen.push(state)
      }
    }
    take(better, count - random)
    take(this.shuffled(population), count)
    take(better, count)
    return chosen.map((state) => serialize(open.task, state))
  }

  private open(key: string): OpenTask {
    const known = this.tasks.get(key)
    if (known) return known
    const definition = this.definitions.get(key)
    if (definition === undefined) throw new Error(`the workload ${key} is not registered`)
    const { target: text, hardware, seed } = this.options
    const target = makeTarget(text)
    const noRewrite = 0
    const dag = ComputeDag.load(definition)
    const task = getGlobalFunc('auto_scheduler.SearchTask')(
      dag.object,
      key,
      target,
      target.get('host') as TvmObject,
      hardwareParams(hardware),
      noRewrite,
      [],
      '',
    ) as TvmObject
    const policy = getGlobalFunc('auto_scheduler.SketchPolicy')(
      task,
      this.costModel,
      policyParameters,
      1 + ((seed + this.tasks.size * 7919) % 2 ** 30),
      0,
      null,
    ) as TvmObject
    const opened: OpenTask = { task, policy, measured: [], known: new Set() }
    this.tasks.set(key, opened)
    return opened
  }

  private learn({ key, input, cost }: MeasuredSchedule): void {
    const { task, measured, known } = this.open(key)
    const state = inferBound(task, parseState(input))
    known.add(stepsOf(state))
    measured.push({ state, cost, features: programFeatures(task, [state]) })
  }

  /** Trains when enough is new. Trials of all tasks teach, each by its share of the best speed of its own task. */
  private train(): void {
    const all = [...this.tasks.values()].map(({ measured }) => measured)
    const count = all.reduce((sum, { length }) => sum + length, 0)
    if (!this.model || count < FEWEST_TO_TRAIN || count - this.trained < WORTH_TRAINING * this.trained) return
    const parts = all.flatMap((measured) => {
      const best = Math.min(...measured.map(({ cost }) => cost))
      return measured
        .filter(({ features }) => (features.sizes[0] as number) > 0)
        .map(({ features, cost }) => ({ features, score: Number.isFinite(cost) ? best / cost : 0 }))
    })
    this.model.fit(
      joined(parts.map(({ features }) => features)),
      Float32Array.from(parts, ({ score }) => score),
    )
    this.trained = count
  }

  private firstGeneration({ policy, measured }: OpenTask): TvmObject[] {
    const sampled = getGlobalFunc('auto_scheduler.SketchPolicySampleInitialPopulation')(policy)
    const best = [...measured]
      .filter(({ cost }) => Number.isFinite(cost))
      .sort((a, b) => a.cost - b.cost)
      .slice(0, MEASURED_SHARE * POPULATION)
    return [...(sampled as TvmArray<TvmObject>).toArray(), ...best.map(({ state }) => state)]
  }

  /** From the best predicted one on. */
  private evolve({ policy }: OpenTask, population: readonly TvmObject[], count: number): TvmObject[] {
    const search = getGlobalFunc('auto_scheduler.SketchPolicyEvolutionarySearch')
    return (search(policy, [...population], count) as TvmArray<TvmObject>).toArray()
  }

  private predict(task: TvmObject, states: readonly TvmObject[]): Float32Array {
    if (this.model?.ready) return this.model.predict(programFeatures(task, states))
    return Float32Array.from(states, () => this.random.next())
  }

  private shuffled(states: readonly TvmObject[]): TvmObject[] {
    const keyed = states.map((state) => ({ state, key: this.random.next() }))
    return keyed.sort((a, b) => a.key - b.key).map(({ state }) => state)
  }
}

function hardwareParams({
  num_cores,
  vector_unit_bytes,
  cache_line_bytes,
}: Required<HardwareSettings>): TvmObject {
  const noGpu = [0, 0, 0, 0, 0]
  return getGlobalFunc('auto_scheduler.HardwareParams')(
    num_cores,
    vector_unit_bytes,
    cache_line_bytes,
    ...noGpu,
  ) as TvmObject
}

function serialize(task: TvmObject, state: TvmObject): MeasureInput {
  const input = getGlobalFunc('auto_scheduler.MeasureInput')(task, state)
  return JSON.parse(getGlobalFunc('auto_scheduler.SerializeMeasureInput')(input) as string) as MeasureInput
}

function inferBound(task: TvmObject, state: TvmObject): TvmObject {
  const dag = task.get('compute_dag') as TvmObject
  return getGlobalFunc('auto_scheduler.ComputeDAGInferBoundFromState')(dag, state) as TvmObject
}

/** A text that is equal for equal programs of one task. */
function stepsOf(state: TvmObject): string {
  return state.toString()
}

let search: ScheduleSearch | undefined

export function run(request: ScheduleSearchRequest): MeasureInput[] {
  if (request.type === 'open') {
    openLibrary({ kind: 'compiler' })
    search = new ScheduleSearch(request)
    return []
  }
  if (!search) throw new Error('the search is not open')
  return search.propose(request)
}
