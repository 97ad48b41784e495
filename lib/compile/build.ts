import { IRModule } from '../ir/module.js'
import type { Constant, Func } from '../ir/relay.js'
import type { Target } from '../ir/target.js'
import { withPassContext } from '../ir/transform.js'
import { registerOperators } from '../ops/register.js'
import {
  getGlobalFunc,
  type Module,
  type NDArray,
  type TvmArg,
  type TvmMap,
  type TvmObject,
} from '../runtime/index.js'
import { checkImplementations, optimize, passesDone } from './optimize.js'

export interface BuildOptions {
  /** 0 to 4; default 3. */
  readonly optLevel?: number
  /** TVM's pass configuration, for example `{ 'tir.disable_vectorize': true }`. */
  readonly config?: Readonly<Record<string, TvmArg>>
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
    ...(target.vectorises ? {} : { 'tir.disable_vectorize': true }),
  }
}

/**
 * Builds a Relay function for the graph executor (TVM v0.18, src/relay/backend/build_module.cc). The function's constants
 * become parameters, its variables inputs.
 */
export function buildRelay(func: Func, target: Target, options: BuildOptions = {}): Built {
  registerOperators()
  const optLevel = options.optLevel ?? 3
  const config = { ...lowerConfig(target), ...options.config }
  const mod = withPassContext({ optLevel, config }, () =>
    optimize(IRModule.fromFunction(func), target, optLevel, {
      onPass: (pass) => options.onStep?.('optimize', pass),
    }),
  )
  checkImplementations(mod, target)
  options.onStep?.('codegen')
  return withPassContext({ optLevel, config, disabledPasses: passesDone }, () => generate(mod, target))
}

function generate(mod: IRModule, target: Target): Built {
  const builder = getGlobalFunc('relay.build_module._BuildModule')() as Module
  const method = (name: string) => {
    const found = builder.getFunction(name)
    if (!found) throw new Error(`the library's build module has no function ${name}`)
    return found
  }
  const executor = getGlobalFunc('relay.backend.CreateExecutor')('graph', {})
  const runtime = getGlobalFunc('relay.backend.CreateRuntime')('cpp', {})
  method('build')(mod, [target], null, executor, runtime, null, null, 'tvmgen_default')
  const params = method('get_params')() as TvmMap<string, Constant | TvmObject>
  return {
    module: method('get_module')() as Module,
    graph: method('get_graph_json')() as string,
    params: new Map([...params.entries()].map(([name, value]) => [name, (value as Constant).data])),
  }
}
