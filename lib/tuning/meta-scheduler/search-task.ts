import { availableParallelism } from 'node:os'
import { target as makeTarget } from '../../ir/target.js'
import { applyTrace, parseModule, traceOf } from '../../meta-schedule/program.js'
import { designSpaces, spaceGenerator } from '../../meta-schedule/space.js'
import { native } from '../../native.js'
import {
  float,
  getGlobalFunc,
  type NDArray,
  packed,
  type TvmArray,
  type TvmObject,
} from '../../runtime/index.js'
import type { Trace } from '../../schedule-config/trace-record.js'
import { functionSearch, type SearchSettings } from '../function-search.js'
import type { SearchedFunction } from '../function-tuner.js'
import { MEASURED_SHARE, type Predict, type ProgramSpace } from '../guided-search.js'
import type { ProgramFeatures } from '../program-model.js'

/**
 * Smaller than in TVM (v0.18, python/tvm/meta_schedule/search_strategy/evolutionary_search.py): batches are smaller too, each is bred
 * anew, and to replay a trace takes milliseconds.
 */
const POPULATION = 48
const GENERATIONS = 2
const MUTATED_SHARE = 0.85
const FEWEST_SAMPLED = 16
const MOST_FAILED_SAMPLINGS = 5
const MOST_FAILED_MUTATIONS = 10
/** Chosen by `GuidedSearch`. */
const RANDOM_SHARE = 0

/** Numbers that describe one store of a program and its function (TVM v0.18, src/meta_schedule/feature_extractor). */
const STORE_FEATURES = 172
const MOST_BUFFERS = 5
const INTENSITY_SAMPLES = 10

/** No end of trials: the budget is the session's. */
const ENDLESS = 2 ** 30

/** Traces of one function. */
class TraceSpace implements ProgramSpace<Trace> {
  readonly population = POPULATION
  private readonly module: TvmObject
  private readonly context: TvmObject
  private readonly strategy: TvmObject
  private readonly extractor: TvmObject

  constructor(
    { key, definition }: SearchedFunction,
    { target: text, hardware: { cache_line_bytes } }: SearchSettings,
    predict: Predict,
    seed: number,
  ) {
    const target = makeTarget(text)
    this.module = parseModule({ hash: key, module: definition })
    const generator = spaceGenerator(target)
    this.strategy = getGlobalFunc('meta_schedule.SearchStrategyEvolutionarySearch')(
      POPULATION,
      float(MEASURED_SHARE),
      FEWEST_SAMPLED,
      MOST_FAILED_SAMPLINGS,
      GENERATIONS,
      float(MUTATED_SHARE),
      MOST_FAILED_MUTATIONS,
      float(RANDOM_SHARE),
    ) as TvmObject
    const toStderr = null
    this.context = getGlobalFunc('meta_schedule.TuneContext')(
      this.module,
      target,
      generator,
      this.strategy,
      key,
      availableParallelism(),
      seed,
      toStderr,
    ) as TvmObject
    this.extractor = getGlobalFunc('meta_schedule.FeatureExtractorPerStoreFeature')(
      MOST_BUFFERS,
      INTENSITY_SAMPLES,
      cache_line_bytes,
      true,
    ) as TvmObject
    getGlobalFunc('meta_schedule.TuneContextInitialize')(this.context)
    getGlobalFunc('meta_schedule.SearchStrategyPreTuning')(
      this.strategy,
      ENDLESS,
      1,
      designSpaces(this.context),
      getGlobalFunc('meta_schedule.DatabaseMemoryDatabase')('structural'),
      costModel(predict),
    )
  }

  sample(): TvmObject[] {
    const sample = getGlobalFunc('meta_schedule.SearchStrategyEvolutionarySearchSampleInitPopulation')
    return (sample(this.strategy, POPULATION) as TvmArray<TvmObject>).toArray()
  }

  /** The library knows itself what it has returned before. */
  evolve(population: readonly TvmObject[], count: number): TvmObject[] {
    const evolve = getGlobalFunc('meta_schedule.SearchStrategyEvolutionarySearchEvolveWithCostModel')
    return (evolve(this.strategy, [...population], count) as TvmArray<TvmObject>).toArray()
  }

  parse(trace: Trace): TvmObject {
    return applyTrace(this.module, trace)
  }

  serialize(schedule: TvmObject): Trace {
    return traceOf(schedule)
  }

  identity(schedule: TvmObject): string {
    return JSON.stringify(traceOf(schedule))
  }

  features(schedules: readonly TvmObject[]): ProgramFeatures {
    const candidates = schedules.map(candidateOf)
    const extracted = getGlobalFunc('meta_schedule.FeatureExtractorExtractFrom')(
      this.extractor,
      this.context,
      candidates,
    ) as TvmArray<NDArray>
    const parts = extracted.toArray().map((array) => array.toTensor().data as Float64Array)
    const rows = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
    let to = 0
    for (const part of parts) {
      rows.set(part, to)
      to += part.length
    }
    return { rows, sizes: Int32Array.from(parts, ({ length }) => length / STORE_FEATURES) }
  }
}

function candidateOf(schedule: TvmObject): TvmObject {
  return getGlobalFunc('meta_schedule.MeasureCandidate')(schedule, []) as TvmObject
}

function costModel(predict: Predict): TvmObject {
  const fill = (_context: TvmObject, candidates: TvmArray<TvmObject>, address: bigint) => {
    const schedules = candidates.toArray().map((candidate) => candidate.get('sch') as TvmObject)
    // The library takes no number below 0.
    native.copyToAddress(
      address,
      Float64Array.from(predict(schedules), (score) => Math.max(0, score)),
    )
  }
  const none = packed(() => null)
  return getGlobalFunc('meta_schedule.CostModelPyCostModel')(
    none,
    none,
    none,
    packed(fill as never),
    packed(() => 'model'),
  ) as TvmObject
}

/** A search over traces by the library, led by a model of what was measured. */
export const run = functionSearch<Trace>(
  STORE_FEATURES,
  (searched, settings, predict, seed) => new TraceSpace(searched, settings, predict, seed),
)
