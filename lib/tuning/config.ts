import { z } from 'zod'
import { parseConfig } from '../config/check.js'
import { modes } from './autotvm/mode.js'

export const tunerNames = ['baseline', 'autotvm', 'auto_scheduler', 'meta_scheduler', 'tensorrt'] as const
/** The ways of searching for faster code; `baseline` searches nothing. */
export type TunerName = (typeof tunerNames)[number]

const count = z.int().min(1)
const seconds = z.number().positive()

const builderSchema = z
  .strictObject({
    parallel: count.describe('Processes that build; default the processors.'),
    timeout: seconds.describe('Seconds for one build.'),
  })
  .partial()

const runnerSchema = z
  .strictObject({
    number: count.describe('Calls in one measurement at first; default 4.'),
    repeat: count.describe('Measurements of a trial; default 3.'),
    min_repeat_ms: z.number().min(0).describe('Milliseconds that a measurement takes at least; default 20.'),
    cooldown_ms: z.number().min(0).describe('Milliseconds of rest after each measurement; default 0.'),
    cache_flush: z.boolean().describe('Whether caches are emptied before each measurement; default false.'),
    timeout: seconds.describe('Seconds for one trial.'),
    threads: count.describe('Threads of a kernel; default the processors, at most 8.'),
    tracker: z
      .string()
      .describe('host:port of a tracker whose boards run the trials, instead of this machine.'),
    key: z.string().describe('What the tracker calls these boards.'),
    parallel: count.describe('Boards that work at once; default 1.'),
    wait: seconds.describe('Seconds to wait for a board, for example while it restarts; default 180.'),
  })
  .partial()
  .refine(({ tracker, key }) => (tracker === undefined) === (key === undefined), {
    message: 'tracker and key belong together',
  })

const hardwareSchema = z
  .strictObject({
    num_cores: count.describe('Cores; default those of the target, else of this machine if trials run here.'),
    vector_unit_bytes: count.describe('Width of a vector; default 64.'),
    cache_line_bytes: count.describe('Length of a cache line; default 64.'),
  })
  .partial()
/** What a search without templates takes the machine that runs the code for. */
export type HardwareSettings = z.output<typeof hardwareSchema>

/** The group `tuner` of a configuration. */
export const tunerSchema = z.strictObject({
  name: z.enum(tunerNames),
  task_budget: z
    .int()
    .min(0)
    .default(4)
    .describe("Trials for each task; a network's budget is that many times its tasks."),
  mode: z.enum(modes).default('xgb').describe('How configurations are searched.'),
  equal_task_budget: z
    .boolean()
    .default(false)
    .describe('Whether every task gets the same number of trials, instead of more where latency is.'),
  early_stopping: count.optional().describe('Trials without a gain after which a task is left.'),
  batch: count.default(16).describe('Trials that are built and run together.'),
  timeout: seconds
    .default(10)
    .describe('Seconds for each build and each run, where builder and runner say nothing else.'),
  time_budget: seconds.optional().describe('Seconds for all trials.'),
  seed: z.int().min(0).default(0).describe('Seed of the search.'),
  records: z
    .string()
    .optional()
    .describe(
      "What is read and appended, in TVM's format: a log, or the folder of a database for meta_scheduler.",
    ),
  transfer: z
    .boolean()
    .default(true)
    .describe('Whether a task learns from the trials of others of the same template.'),
  hardware: hardwareSchema
    .optional()
    .describe('For searches without templates: the machine that runs the code, never silently this one.'),
  builder: builderSchema.optional(),
  runner: runnerSchema.optional(),
})
/** A tuner's configuration as people write it. */
export interface TunerConfig extends z.input<typeof tunerSchema> {}
/** With every key that has a default. */
export interface TunerSettings extends z.output<typeof tunerSchema> {}

/** @throws `ERR_CONFIG` for unknown keys, with the nearest known one, and wrong values */
export function resolveTunerConfig(config: Partial<TunerConfig> = {}): TunerSettings {
  return parseConfig(tunerSchema, { name: 'autotvm', ...config }, 'tuner')
}
