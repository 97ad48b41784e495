import { ComputeDag } from '../../auto-scheduler/dag.js'
import { parseState } from '../../auto-scheduler/state.js'
import { target as makeTarget } from '../../ir/target.js'
import { native } from '../../native.js'
import { getGlobalFunc, packed, type TvmArray, type TvmObject } from '../../runtime/index.js'
import type { MeasureInput } from '../../schedule-config/search-record.js'
import type { HardwareSettings } from '../config.js'
import { functionSearch, type SearchSettings } from '../function-search.js'
import type { SearchedFunction } from '../function-tuner.js'
import { MEASURED_SHARE, type Predict, type ProgramSpace } from '../guided-search.js'
import type { ProgramFeatures } from '../program-model.js'
import { programFeatures, STORE_FEATURES } from './program-features.js'

const POPULATION = 256
/**
 * As in TVM (v0.18, python/tvm/auto_scheduler/search_policy.py), but smaller generations: batches are smaller too, and each is
 * bred anew.
 */
const policyParameters = {
  eps_greedy: 0.05,
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

/** Schedules by sketches. */
class SketchSpace implements ProgramSpace<MeasureInput> {
  readonly population = POPULATION
  private readonly task: TvmObject
  private readonly policy: TvmObject

  constructor(
    { key, definition }: SearchedFunction,
    { target: text, hardware }: SearchSettings,
    predict: Predict,
    seed: number,
  ) {
    const target = makeTarget(text)
    const noRewrite = 0
    this.task = getGlobalFunc('auto_scheduler.SearchTask')(
      ComputeDag.load(definition).object,
      key,
      target,
      target.get('host') as TvmObject,
      hardwareParams(hardware),
      noRewrite,
      [],
      '',
    ) as TvmObject
    const silent = 0
    this.policy = getGlobalFunc('auto_scheduler.SketchPolicy')(
      this.task,
      costModel(predict),
      policyParameters,
      seed,
      silent,
      null,
    ) as TvmObject
  }

  sample(): TvmObject[] {
    const sampled = getGlobalFunc('auto_scheduler.SketchPolicySampleInitialPopulation')(this.policy)
    return (sampled as TvmArray<TvmObject>).toArray()
  }

  evolve(population: readonly TvmObject[], count: number, known: ReadonlySet<string>): TvmObject[] {
    // Those known may be among the best again.
    const search = getGlobalFunc('auto_scheduler.SketchPolicyEvolutionarySearch')
    return (search(this.policy, [...population], count + known.size) as TvmArray<TvmObject>).toArray()
  }

  parse(input: MeasureInput): TvmObject {
    const dag = this.task.get('compute_dag') as TvmObject
    return getGlobalFunc('auto_scheduler.ComputeDAGInferBoundFromState')(dag, parseState(input)) as TvmObject
  }

  serialize(state: TvmObject): MeasureInput {
    const input = getGlobalFunc('auto_scheduler.MeasureInput')(this.task, state)
    return JSON.parse(getGlobalFunc('auto_scheduler.SerializeMeasureInput')(input) as string) as MeasureInput
  }

  identity(state: TvmObject): string {
    return state.toString()
  }

  features(states: readonly TvmObject[]): ProgramFeatures {
    return programFeatures(this.task, states)
  }
}

function costModel(predict: Predict): TvmObject {
  const fill = (_task: TvmObject, states: TvmArray<TvmObject>, address: bigint) =>
    native.copyToAddress(address, predict(states.toArray()))
  const fillStages = (_task: TvmObject, states: TvmArray<TvmObject>, address: bigint) => {
    const scores = predict(states.toArray())
    // Scores, then for each program a count of its stages' scores: none.
    native.copyToAddress(address, Float32Array.of(...scores, ...scores.map(() => 0)))
  }
  return getGlobalFunc('auto_scheduler.PythonBasedModel')(
    packed(() => null),
    packed(fill as never),
    packed(fillStages as never),
  ) as TvmObject
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

/** A search over sketches by the library, led by a model of what was measured. */
export const run = functionSearch<MeasureInput>(
  STORE_FEATURES,
  (searched, settings, predict, seed) => new SketchSpace(searched, settings, predict, seed),
)
