import type { IRModule } from '../ir/module.js'
import { type Target, withTarget } from '../ir/target.js'
import { currentPassContext, type PassContextOptions, runPass, withPassContext } from '../ir/transform.js'
import { noteFunction } from '../ops/lower-call.js'
import {
  getGlobalFunc,
  type Module,
  type NDArray,
  type TvmArg,
  type TvmArray,
  type TvmMap,
  type TvmObject,
} from '../runtime/index.js'
import { functionPass } from './lower-pass.js'
import { passesDone } from './optimize.js'

/** Functions in TIR that code is to be generated for. */
export interface Generation {
  readonly functions: IRModule | undefined
  readonly target: Target
  /** What code is to be generated under. */
  readonly context: PassContextOptions
}

/** A network as a graph of calls to functions, each distinct one once. */
export interface Lowered extends Generation {
  /** The graph executor's JSON. */
  readonly graph: string
  readonly params: ReadonlyMap<string, NDArray>
}

/**
 * Fuses operators, plans memory and lowers each distinct fused function. These are the steps of the library's own build
 * (TVM v0.18, src/relay/backend/build_module.cc) without those that do nothing for CPUs and one graph executor, all of which
 * infer the types of the whole network again.
 */
export function lower(mod: IRModule, target: Target, options: PassContextOptions): Lowered {
  const context = { ...options, disabledPasses: [...passesDone, ...(options.disabledPasses ?? [])] }
  return withPassContext(notingFunctions(context), () => {
    const fused = withTarget(target, () => fuse(mod, target))
    const codegen = getGlobalFunc('relay.build_module._GraphExecutorCodegen')() as Module
    const method = (name: string) => {
      const found = codegen.getFunction(name)
      if (!found) throw new Error(`the library's graph executor codegen has no function ${name}`)
      return found
    }
    method('init')(null, [target])
    method('codegen')(fused, fused.lookup(), 'tvmgen_default')
    // Sorted: the order of the library's parameter files is that in which they came.
    const names = (method('list_params_name')() as TvmArray<string>).toArray().sort()
    const param = method('get_param_by_name')
    const [functions] = [...(method('get_irmodule')() as TvmMap<Target, IRModule>).entries()]
    return {
      graph: method('get_graph_json')() as string,
      params: new Map(names.map((name) => [name, param(name) as NDArray])),
      functions: functions?.[1],
      target,
      context,
    }
  })
}

const ADDED = 'tir.add_lower_pass'
const FIRST_PHASE = 0

/** The context with a pass that hears the name of each function as soon as it is scheduled. */
function notingFunctions({ config, ...rest }: PassContextOptions): PassContextOptions {
  const noting = functionPass('tvm_node.NoteFunctions', (func) => {
    const attrs = getGlobalFunc('ir.DictAttrsGetDict')(func.get('attrs') as TvmObject) as TvmMap<
      string,
      string
    >
    noteFunction(attrs.get('global_symbol') as string)
    return func
  })
  const others = (config?.[ADDED] ?? []) as readonly TvmArg[]
  return { ...rest, config: { ...config, [ADDED]: [...others, [FIRST_PHASE, noting]] } }
}

interface Executing {
  readonly executor: readonly [name: string, options: Readonly<Record<string, TvmArg>>]
  readonly runtime: 'cpp' | 'crt'
}
const graphExecutor: Executing = { executor: ['graph', {}], runtime: 'cpp' }

/** Groups operators into the functions that are lowered as one. */
export function fuse(mod: IRModule, target: Target, { executor, runtime } = graphExecutor): IRModule {
  const configuration = getGlobalFunc('target.MakeCompilationConfig')(currentPassContext(), [target])
  const named = getGlobalFunc('ir.Module_WithAttrs')(mod, {
    executor: getGlobalFunc('relay.backend.CreateExecutor')(...executor),
    runtime: getGlobalFunc('relay.backend.CreateRuntime')(runtime, {}),
  }) as TvmObject
  const planned = runPass('PlanDevices', named, configuration)
  const AS_THE_CONTEXT_SAYS = -1
  return runPass('InferType', runPass('FuseOps', planned, AS_THE_CONTEXT_SAYS)) as IRModule
}
