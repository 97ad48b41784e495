import { getGlobalFunc, type TvmArg, type TvmObject } from '../runtime/index.js'

export interface PassContextOptions {
  /** 0 to 4; default 3. Passes of a higher level are left out. */
  readonly optLevel?: number
  readonly requiredPasses?: readonly string[]
  readonly disabledPasses?: readonly string[]
  /** TVM's configuration keys, for example `tir.disable_vectorize`. */
  readonly config?: Readonly<Record<string, TvmArg>>
  readonly instruments?: readonly TvmObject[]
}

/** A pass context (TVM v0.18, include/tvm/ir/transform.h). */
export function passContext(options: PassContextOptions): TvmObject {
  return getGlobalFunc('transform.PassContext')(
    options.optLevel ?? 3,
    [...(options.requiredPasses ?? [])],
    [...(options.disabledPasses ?? [])],
    [...(options.instruments ?? [])],
    { ...options.config },
    [],
    null,
    0,
    null,
  ) as TvmObject
}

/** The context that passes run under now. */
export function currentPassContext(): TvmObject {
  return getGlobalFunc('transform.GetCurrentPassContext')() as TvmObject
}

/** Those that watch all contexts of this thread. */
let watching: readonly TvmObject[] = []

/** Has an instrument watch every pass that runs on this thread until `body` is done. */
export async function watchingPasses<T>(instrument: TvmObject, body: () => Promise<T>): Promise<T> {
  const before = watching
  watching = [...before, instrument]
  try {
    return await body()
  } finally {
    watching = before
  }
}

/** Runs `body` within a pass context; contexts are per thread. */
export function withPassContext<T>(options: PassContextOptions, body: () => T): T {
  const context = passContext({ ...options, instruments: [...watching, ...(options.instruments ?? [])] })
  getGlobalFunc('transform.EnterPassContext')(context)
  try {
    return body()
  } finally {
    getGlobalFunc('transform.ExitPassContext')(context)
  }
}

/**
 * An instrument that hears the name of each pass before and after it (TVM v0.18, include/tvm/ir/instrument.h). Passes that are put
 * together of others enclose them.
 */
export function passListener(before: (pass: string) => void, after: (pass: string) => void): TvmObject {
  const nameOf = (info: unknown) => (info as TvmObject).get('name') as string
  return getGlobalFunc('instrument.PassInstrument')(
    'listener',
    null,
    null,
    null,
    (_module: unknown, info: unknown) => before(nameOf(info)),
    (_module: unknown, info: unknown) => after(nameOf(info)),
  ) as TvmObject
}

/** Applies a Relay pass by its name, for example `SimplifyInference`, with its constructor's arguments. */
export function runPass(name: string, mod: TvmObject, ...args: TvmArg[]): TvmObject {
  const pass = getGlobalFunc(`relay._transform.${name}`)(...args) as TvmObject
  return getGlobalFunc('transform.RunPass')(pass, mod) as TvmObject
}
