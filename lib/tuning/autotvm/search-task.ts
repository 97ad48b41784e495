import { target as makeTarget } from '../../ir/target.js'
import { registerOperators } from '../../ops/register.js'
import { openLibrary } from '../../runtime/index.js'
import type { PlainConfig } from '../../schedule-config/config-entity.js'
import type { ConfigSpace } from '../../schedule-config/config-space.js'
import { configSpace } from '../../schedule-config/template.js'
import { loadTemplates } from '../../schedule-config/user-templates.js'
import { type Workload, workloadKey } from '../../schedule-config/workload.js'
import { Random } from '../random.js'
import { BoostedTrees, type CostModel, type Objective } from './cost-model.js'
import { KnobFeatures } from './features.js'
import { geneticSearch } from './genetic.js'
import type { Mode } from './mode.js'
import { modelSearch } from './model-search.js'
import { gridSearch, randomSearch, type Search, type Tried } from './search.js'

/** Trials of one workload. */
export interface WorkloadTrials {
  readonly workload: Workload
  readonly tried: readonly Tried[]
}

export interface SearchRequest extends WorkloadTrials {
  readonly target: string
  readonly templates: readonly string[]
  readonly mode: Mode
  readonly seed: number
  readonly count: number
  /** Number of the default configuration, or -1. */
  readonly start: number
  /** See `SearchState`. */
  readonly inNetwork: boolean
  /** Trials of other workloads of the same template, to learn from. */
  readonly transfer: readonly WorkloadTrials[]
}

const spaces = new Map<string, ConfigSpace>()
/** What was learned from other workloads, as long as they are the same. */
const bases = new Map<string, { trials: number; model: CostModel }>()

/** The engine's side of a tuner: the next configurations to try. Keeps nothing that cannot be made again. */
export async function run(request: SearchRequest): Promise<PlainConfig[]> {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  await loadTemplates(request.templates)
  const { target, workload, tried, start, count, seed, inNetwork } = request
  const space = spaceOf(workload, target)
  const random = new Random(seed + tried.length)
  const chosen = searchFor(request, space)({ space, tried, random, start, inNetwork }, count)
  return chosen.map((index) => space.get(index).toPlain())
}

function spaceOf(workload: Workload, target: string): ConfigSpace {
  const key = target + workloadKey(workload)
  const known = spaces.get(key) ?? configSpace(workload, makeTarget(target))
  spaces.set(key, known)
  return known
}

function searchFor(request: SearchRequest, space: ConfigSpace): Search {
  switch (request.mode) {
    case 'random':
      return randomSearch
    case 'gridsearch':
      return gridSearch
    case 'ga':
      return geneticSearch
    case 'xgb':
      return trees(request, space, 'reg')
    case 'xgb_rank':
      return trees(request, space, 'rank')
  }
}

function trees(request: SearchRequest, space: ConfigSpace, objective: Objective): Search {
  const features = new KnobFeatures(space)
  const base = baseModel(request, features.columns, objective)
  return modelSearch(features, new BoostedTrees(objective, request.seed, base))
}

/** Learns from workloads that are described by the same features. */
function baseModel({ transfer, target, seed }: SearchRequest, columns: number, objective: Objective) {
  const others = transfer.flatMap(({ workload, tried }) => {
    const features = new KnobFeatures(spaceOf(workload, target))
    const known = tried.filter(({ index }) => index >= 0)
    const best = Math.min(...known.map(({ cost }) => cost))
    return features.columns === columns && Number.isFinite(best) ? [{ features, known, best }] : []
  })
  const trials = others.reduce((sum, { known }) => sum + known.length, 0)
  if (trials === 0) return undefined
  const key = `${transfer[0]?.workload.task} ${columns} ${objective}`
  const cached = bases.get(key)
  if (cached?.trials === trials) return cached.model
  const rows = new Float32Array(trials * columns)
  const scores = new Float32Array(trials)
  let at = 0
  for (const { features, known, best } of others) {
    rows.set(features.of(known.map(({ index }) => index)), at * columns)
    for (const { cost } of known) scores[at++] = Number.isFinite(cost) ? best / cost : 0
  }
  const model = new BoostedTrees(objective, seed)
  model.fit(rows, columns, scores)
  bases.set(key, { trials, model })
  return model
}
