import type { Target } from '../ir/target.js'
import { target as parseTarget } from '../ir/target.js'
import { ConfigEntity } from './config-entity.js'
import { meanCost, type TuningRecord } from './record.js'
import { getTemplate, instantiate } from './template.js'
import { describeWorkload, type Workload, workloadKey } from './workload.js'

/** Where a configuration comes from: reasoning, a record inside this package, a record of one's own. */
export type ConfigSource = 'untuned' | 'default-record' | 'tuned'

/** A configuration chosen for a workload. */
export interface Choice {
  readonly config: ConfigEntity
  /** What it was chosen for: the operator in the model's own layouts, where those were altered since. */
  readonly workload: Workload
  readonly source: ConfigSource
  /** Seconds a call by its record; infinite without one. */
  readonly cost: number
}

/** Gives workloads their configurations while a network is built. */
export interface DispatchContext {
  query(target: Target, workload: Workload): Choice | undefined
  /** Gives a workload that stands for another one, in another layout, the same choice. */
  update(target: Target, workload: Workload, choice: Choice): void
}

/** Without records: only what `update` was told. */
export class FallbackContext implements DispatchContext {
  private readonly updated = new Map<string, Choice>()

  query(_target: Target, workload: Workload): Choice | undefined {
    return this.updated.get(workloadKey(workload))
  }
  update(_target: Target, workload: Workload, choice: Choice): void {
    this.updated.set(workloadKey(workload), choice)
  }
}

/**
 * The best record of each workload: of the same target, else of the same model, else of a target that shares a key, in the
 * order of the keys (the last two as in TVM v0.18, python/tvm/autotvm/task/dispatcher.py). The first of equals wins.
 */
export class ApplyHistoryBest extends FallbackContext {
  private readonly best = new Map<string, TuningRecord>()
  private readonly tried = new Map<string, Choice | undefined>()
  private readonly refused: string[] = []

  constructor(
    records: Iterable<TuningRecord>,
    private readonly source: ConfigSource = 'tuned',
  ) {
    super()
    const targets = new Map<string, string[]>()
    for (const record of records) {
      if (record.costs.length === 0) continue
      let scopes = targets.get(record.target)
      if (!scopes) {
        scopes = this.recordScopes(record.target)
        targets.set(record.target, scopes)
      }
      const key = workloadKey(record.workload)
      for (const scope of scopes) {
        const known = this.best.get(scope + key)
        if (!known || meanCost(record) < meanCost(known)) this.best.set(scope + key, record)
      }
    }
  }

  /** Records that could not be applied, with the reason. */
  get problems(): readonly string[] {
    return this.refused
  }

  override query(target: Target, workload: Workload): Choice | undefined {
    const told = super.query(target, workload)
    if (told) return told
    const key = workloadKey(workload)
    if (!this.tried.has(key)) this.tried.set(key, this.find(target, workload, key))
    return this.tried.get(key)
  }

  private find(target: Target, workload: Workload, key: string): Choice | undefined {
    const record = scopesOf(target)
      .map((scope) => this.best.get(scope + key))
      .find(Boolean)
    if (!record) return undefined
    const config = ConfigEntity.fromPlain(record.config)
    try {
      instantiate(workload, config, target)
    } catch (error) {
      this.refused.push(
        `the record of ${describeWorkload(workload)} cannot be applied (${config}): ${(error as Error).message.split('\n')[0]}`,
      )
      return undefined
    }
    return { config, workload, source: this.source, cost: meanCost(record) }
  }

  private recordScopes(text: string): string[] {
    try {
      return scopesOf(parseTarget(text))
    } catch (error) {
      this.refused.push(`records of target '${text}' are ignored: ${(error as Error).message}`)
      return []
    }
  }
}

/** By what a target's records are found, the closest first. */
function scopesOf(target: Target): string[] {
  const model = target.option('model')
  return [
    `target ${target} `,
    ...(model === undefined || model === 'unknown' ? [] : [`model ${model} `]),
    ...target.keys.map((key) => `key ${key} `),
  ]
}

let current: DispatchContext = new FallbackContext()

/** Runs `body` with `context` deciding; contexts do not nest, since nothing but a build asks them. */
export function withDispatchContext<T>(context: DispatchContext, body: () => T): T {
  const before = current
  current = context
  try {
    return body()
  } finally {
    current = before
  }
}

/** What the current context says, else the template's own defaults. */
export function chooseConfig(workload: Workload, target: Target): Choice {
  return (
    current.query(target, workload) ?? {
      config: getTemplate(workload.task).defaults(workload.args, target),
      workload,
      source: 'untuned',
      cost: Number.POSITIVE_INFINITY,
    }
  )
}

/** See `DispatchContext.update`. */
export function transferChoice(workload: Workload, target: Target, choice: Choice): void {
  current.update(target, workload, choice)
}
