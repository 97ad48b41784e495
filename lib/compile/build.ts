import { IRModule } from '../ir/module.js'
import type { Func } from '../ir/relay.js'
import type { Target } from '../ir/target.js'
import { withPassContext } from '../ir/transform.js'
import type { DesiredLayouts } from '../ops/desired-layouts.js'
import { registerOperators } from '../ops/register.js'
import type { Module, NDArray, TvmArg } from '../runtime/index.js'
import { sourcePasses } from './c/source.js'
import { generateModule } from './codegen.js'
import { type Lowered, lower } from './lower.js'
import { checkImplementations, optimize } from './optimize.js'

export interface BuildOptions {
  /** 0 to 4; default 3. */
  readonly optLevel?: number
  /** TVM's pass configuration, for example `{ 'tir.disable_vectorize': true }`. */
  readonly config?: Readonly<Record<string, TvmArg>>
  readonly desiredLayouts?: DesiredLayouts | undefined
  /** Hears what begins: each pass of `optimize`, then `codegen`. */
  readonly onStep?: (phase: 'optimize' | 'codegen', step?: string) => void
}

/** What a build yields: code, the graph that calls it, and the constants the graph refers to. */
export interface Built {
  readonly module: Module
  /** The graph executor's JSON. */
  readonly graph: string
  readonly params: ReadonlyMap<string, NDArray>
}

/** Pass options of all code generation. */
export function lowerConfig(target: Target): Readonly<Record<string, TvmArg>> {
  return {
    // Narrower last tiles become code of their own instead of a condition on every multiply-add.
    'tir.LoopPartition': { partition_const_loop: true },
    // Each kernel would check shapes, strides and types of all its arguments at each call: sessions check the inputs once.
    'tir.disable_assert': true,
    ...(target.kind === 'c' ? { 'tir.disable_vectorize': true, 'tir.add_lower_pass': sourcePasses() } : {}),
  }
}

/** Optimises a Relay function; its constants stay in it. */
export function optimizeRelay(func: Func, target: Target, options: BuildOptions = {}): IRModule {
  registerOperators()
  const { optLevel, config } = passSettings(target, options)
  const mod = withPassContext({ optLevel, config }, () =>
    optimize(IRModule.fromFunction(func), target, optLevel, {
      onPass: (pass) => options.onStep?.('optimize', pass),
      desiredLayouts: options.desiredLayouts,
    }),
  )
  checkImplementations(mod, target)
  return mod
}

/**
 * Lowers the operators of an optimised network to TIR for the graph executor; code is what then remains to be generated.
 * Constants become parameters, variables inputs.
 */
export function lowerGraph(mod: IRModule, target: Target, options: BuildOptions = {}): Lowered {
  options.onStep?.('codegen')
  return lower(mod, target, passSettings(target, options))
}

export function passSettings(target: Target, { optLevel = 3, config }: BuildOptions) {
  return { optLevel, config: { ...lowerConfig(target), ...config } }
}

/** Builds a Relay function to be run in this process. */
export function buildRelay(func: Func, target: Target, options: BuildOptions = {}): Built {
  const lowered = lowerGraph(optimizeRelay(func, target, options), target, options)
  return { module: generateModule(lowered), graph: lowered.graph, params: lowered.params }
}
