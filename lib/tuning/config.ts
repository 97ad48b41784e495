import { z } from 'zod'
import { checkOptions } from '../options.js'
import { modes } from './autotvm/search-task.js'

const positive = z.number().positive()
const count = z.int().min(1)

const builderSchema = z.strictObject({
  /** Processes that build. */
  parallel: count.optional(),
  /** Seconds for one build. */
  timeout: positive.optional(),
})

const runnerSchema = z.strictObject({
  /** Calls in one measurement at first. */
  number: count.optional(),
  /** Measurements of a trial. */
  repeat: count.optional(),
  /** Milliseconds that a measurement takes at least. */
  min_repeat_ms: z.number().min(0).optional(),
  /** Milliseconds of rest after each measurement. */
  cooldown_ms: z.number().min(0).optional(),
  /** Whether caches are emptied before each measurement. */
  cache_flush: z.boolean().optional(),
  /** Seconds for one trial. */
  timeout: positive.optional(),
  /** Threads of a kernel. */
  threads: count.optional(),
})

/** The group `tuner` of a configuration. */
export const tunerSchema = z.strictObject({
  name: z.enum(['autotvm']).optional(),
  /** Trials a task; a network's budget is that many times its tasks. */
  task_budget: z.int().min(0).optional(),
  mode: z.enum(modes).optional(),
  /** Whether every task gets the same number of trials, instead of more where latency is. */
  equal_task_budget: z.boolean().optional(),
  /** Trials without a gain after which a task is left. */
  early_stopping: count.optional(),
  /** Trials that are built and run together. */
  batch: count.optional(),
  /** Seconds for each build and each run, where builder and runner say nothing else. */
  timeout: positive.optional(),
  /** Seconds for all trials. */
  time_budget: positive.optional(),
  seed: z.int().min(0).optional(),
  /** Log that is read and appended. */
  records: z.string().optional(),
  /** Whether a task learns from the trials of others of the same template. */
  transfer: z.boolean().optional(),
  builder: builderSchema.optional(),
  runner: runnerSchema.optional(),
})
export type TunerConfig = z.infer<typeof tunerSchema>

/** What holds where a configuration says nothing. */
export const tunerDefaults = Object.freeze({
  name: 'autotvm',
  task_budget: 4,
  mode: 'xgb',
  equal_task_budget: false,
  batch: 16,
  timeout: 10,
  seed: 0,
  transfer: true,
})

export type ResolvedTunerConfig = TunerConfig & {
  readonly [Key in keyof typeof tunerDefaults]: NonNullable<TunerConfig[Key]>
}

/** @throws `ERR_INVALID_ARGUMENT` for unknown keys, with the nearest known one, and wrong values */
export function resolveTunerConfig(config: TunerConfig = {}): ResolvedTunerConfig {
  checkOptions(tunerSchema, config, 'tuner')
  return { ...tunerDefaults, ...config } as ResolvedTunerConfig
}
