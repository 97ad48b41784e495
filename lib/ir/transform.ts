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

/** Runs `body` within a pass context; contexts are per thread. */
export function withPassContext<T>(options: PassContextOptions, body: () => T): T {
  const context = passContext(options)
  getGlobalFunc('transform.EnterPassContext')(context)
  try {
    return body()
  } finally {
    getGlobalFunc('transform.ExitPassContext')(context)
  }
}

/** Applies a Relay pass by its name, for example `SimplifyInference`, with its constructor's arguments. */
export function runPass(name: string, mod: TvmObject, ...args: TvmArg[]): TvmObject {
  const pass = getGlobalFunc(`relay._transform.${name}`)(...args) as TvmObject
  return getGlobalFunc('transform.RunPass')(pass, mod) as TvmObject
}
