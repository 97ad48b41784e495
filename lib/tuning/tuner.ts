import type { CompileOptions } from '../compile/compile.js'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { MicroBoard } from '../micro/micro-board.js'
import type { TunerName, TunerSettings } from './config.js'
import type { TuneEvent } from './events.js'

export { type TunerName, type TunerSettings, tunerNames, tunerSchema } from './config.js'

export interface TuneRequest {
  /** A path, or the model's bytes. */
  readonly model: string | Uint8Array
  readonly target: string
  readonly shapes?: CompileOptions['shapes']
  /** Pass options. */
  readonly config?: CompileOptions['config']
  readonly desiredLayouts?: CompileOptions['desiredLayouts']
  readonly settings: TunerSettings
  /** A board without an operating system that trials run on. */
  readonly micro?: MicroBoard
}

export interface TunerOptions extends Limits {
  readonly onEvent?: (event: TuneEvent) => void
}

/** What a search yields: options that a build takes to profit from it. */
export interface Tuned {
  readonly build: CompileOptions
}

/** A way to search for faster code. `tunerFor` lists those there are. */
export type Tuner = (request: TuneRequest, options: TunerOptions) => Promise<Tuned>

/** Default schedules, nothing searched. */
const baseline: Tuner = async () => ({ build: {} })

/** A search, whichever the settings name. */
const searched: Tuner = async (
  { model, target, shapes, config, desiredLayouts, settings, micro },
  { signal, timeoutMs, onEvent },
) => {
  const { tune } = await import('./tune.js')
  const { best, artifact } = await tune(model, {
    target,
    tuner: settings,
    ...(shapes && { shapes }),
    ...(config && { config }),
    ...(desiredLayouts && { desiredLayouts }),
    ...(micro && { micro }),
    ...(signal && { signal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(onEvent && { onEvent }),
  })
  await artifact.dispose()
  return { build: { records: best } }
}

const tuners: Partial<Record<TunerName, Tuner>> = {
  baseline,
  autotvm: searched,
  auto_scheduler: searched,
  meta_scheduler: searched,
}

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
