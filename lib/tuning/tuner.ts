import { z } from 'zod'
import type { CompileOptions } from '../compile/compile.js'
import { TvmNodeError } from '../errors.js'
import type { RunOptions } from '../process/engine.js'

export const tunerNames = ['baseline', 'autotvm', 'auto_scheduler', 'meta_scheduler', 'tensorrt'] as const
export type TunerName = (typeof tunerNames)[number]

export const tunerSchema = z.strictObject({
  name: z.enum(tunerNames),
  task_budget: z.int().min(1).default(4).describe('Trials for each task.'),
  mode: z.string().default('xgb').describe("The search's cost model."),
  equal_task_budget: z
    .boolean()
    .default(false)
    .describe('auto_scheduler: whether each task is tuned alone, with exactly its budget.'),
})
export type TunerSettings = z.output<typeof tunerSchema>

export interface TuneRequest {
  /** Absolute path of the model. */
  readonly model: string
  readonly target: string
  readonly settings: TunerSettings
}

/** What a search yields: options that a build takes to profit from it. */
export interface Tuned {
  readonly build: CompileOptions
}

/** A way to search for faster code. `tunerFor` lists those there are. */
export type Tuner = (request: TuneRequest, options: RunOptions) => Promise<Tuned>

/** Default schedules, nothing searched. */
const baseline: Tuner = async () => ({ build: {} })

const tuners: Partial<Record<TunerName, Tuner>> = { baseline }

/** @throws `ERR_NOT_AVAILABLE` for a tuner that this version has not. */
export function tunerFor(name: TunerName): Tuner {
  const tuner = tuners[name]
  if (tuner) return tuner
  throw new TvmNodeError(
    'ERR_NOT_AVAILABLE',
    `this version has no tuner '${name}'; it has ${Object.keys(tuners).join(', ')}`,
    { details: { tuner: name } },
  )
}
