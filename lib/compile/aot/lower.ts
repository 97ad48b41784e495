import { IRModule } from '../../ir/module.js'
import { type Expr, type Func, func, variable } from '../../ir/relay.js'
import { type Target, withTarget } from '../../ir/target.js'
import { withPassContext } from '../../ir/transform.js'
import {
  getGlobalFunc,
  type Module,
  type NDArray,
  type TvmArg,
  type TvmArray,
  type TvmMap,
  type TvmObject,
} from '../../runtime/index.js'
import type { TensorInfo } from '../../session/artifact.js'
import { type BuildOptions, passSettings } from '../build.js'
import { fuse, type Generation } from '../lower.js'
import { passesDone } from '../optimize.js'
import { type Alignment, defaultAlignment } from './alignment.js'
import { dropReturnChecks } from './check-return.js'
import { serialLoops } from './serial-loops.js'
import { stackBuffers } from './stack-buffers.js'

/** A network's inputs and outputs, under names that C takes. */
export interface Interface {
  /** The network's name; what is generated for it begins with `tvmgen_<name>`. */
  readonly name: string
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
}

/** Bytes that a function needs beside its arguments, or that these have. */
export interface FunctionMemory {
  readonly name: string
  readonly workspace: number
  readonly constants: number
  readonly io: number
}

/** Memory that the main function is handed after inputs and outputs. */
export interface Pool {
  readonly bytes: number
  /** What is in it from the start; undefined for room to work in. */
  readonly constants?: readonly { readonly offset: number; readonly data: NDArray }[]
}

/** A network as functions of C's calling convention that need no runtime. */
export interface AotNetwork extends Generation {
  readonly interface: Interface
  readonly pools: readonly Pool[]
  readonly operators: readonly FunctionMemory[]
  /** The network as a whole. */
  readonly main: FunctionMemory
  /** The interface as TVM itself describes it in C. */
  readonly header: string
}

/**
 * Lowers an optimised network for the ahead-of-time executor with the C interface, unpacked arguments and statically
 * planned memory (TVM v0.18, src/relay/backend/aot_executor_codegen.cc and src/tir/usmp). Loops are serial, as there is nobody
 * to start threads; constants are part of the code.
 */
export function lowerAot(
  mod: IRModule,
  target: Target,
  about: Interface,
  { alignment = defaultAlignment, ...options }: BuildOptions & { readonly alignment?: Alignment } = {},
): AotNetwork {
  options.onStep?.('codegen')
  const { optLevel, config } = passSettings(target, options)
  const lowering = [
    ...((config['tir.add_lower_pass'] as TvmArg[]) ?? []),
    ...serialLoops(),
    ...(target.kind === 'c' ? stackBuffers() : []),
  ]
  const context = {
    optLevel,
    config: { ...config, 'tir.add_lower_pass': lowering },
    disabledPasses: passesDone,
  }
  return withPassContext(context, () => {
    const executor = [
      'aot',
      {
        ...{ 'interface-api': 'c', 'unpacked-api': true, 'link-params': true },
        'workspace-byte-alignment': alignment.workspace,
        'constant-byte-alignment': alignment.constants,
      },
    ] as const
    const named = IRModule.fromFunction(nameInterface(mod.lookup(), about))
    const fused = withTarget(target, () => fuse(named, target, { executor, runtime: 'crt' }))
    const codegen = getGlobalFunc('relay.build_module._AOTExecutorCodegen')() as Module
    const method = (name: string) => {
      const found = codegen.getFunction(name)
      if (!found) throw new Error(`the library's AOT executor codegen has no function ${name}`)
      return found
    }
    method('init')(null, [target])
    method('codegen')(fused, fused.lookup(), `tvmgen_${about.name}`)
    const [functions] = [...(method('get_irmodule')() as TvmMap<Target, IRModule>).entries()]
    const metadata = method('get_executor_codegen_metadata')() as TvmObject
    const memory = memoryOf(method('get_function_metadata')() as TvmMap<string, TvmObject>)
    const operators = memory.filter(({ name }) => name !== MAIN)
    const [main] = memory.filter(({ name }) => name === MAIN)
    if (!main) throw new Error('the library tells nothing of the main function')
    const workspace = main.workspace + Math.max(0, ...operators.map((each) => each.workspace))
    return {
      functions: functions && target.kind === 'llvm' ? dropReturnChecks(functions[1]) : functions?.[1],
      target,
      context,
      interface: about,
      pools: poolsOf(metadata),
      operators,
      main: { ...main, workspace },
      header: describe(about, metadata, workspace),
    }
  })
}

const MAIN = '__tvm_main__'

/** The function with other names for its parameters and results. */
function nameInterface(main: Func, { inputs, outputs }: Interface): Func {
  const params = inputs.map(({ name, shape, dtype }) => variable(name, shape, dtype))
  const renaming = new Map(main.params.map((param, i) => [param, params[i] as TvmObject]))
  const body = getGlobalFunc('relay.ir.Bind')(main.body, renaming) as Expr
  const names = outputs.map(({ name }) => name)
  return getGlobalFunc('ir.BaseFuncWithAttr')(func(params, body), 'output_tensor_names', names) as Func
}

function memoryOf(metadata: TvmMap<string, TvmObject>): FunctionMemory[] {
  return [...metadata.entries()].map(([name, info]) => {
    const total = (field: string) => {
      const sizes = [...(info.get(field) as TvmMap<Target, TvmObject>).entries()]
      return sizes.reduce((sum, [, size]) => sum + Number(size.get('value')), 0)
    }
    return {
      name,
      workspace: total('workspace_sizes'),
      constants: total('constant_sizes'),
      io: total('io_sizes'),
    }
  })
}

function poolInputs(metadata: TvmObject): TvmObject[] {
  const inputs = metadata.get('pool_inputs') as TvmMap<TvmObject, TvmObject> | null
  if (inputs === null) return []
  const pools = (metadata.get('pools') as TvmArray<TvmObject>).toArray()
  return pools.map((pool) => inputs.get(pool) as TvmObject)
}

function poolsOf(metadata: TvmObject): Pool[] {
  return poolInputs(metadata).map((pool) => {
    const info = pool.get('pool_info') as TvmObject
    const bytes = Number((pool.get('allocated_size') as TvmObject).get('value'))
    if (info.typeKey !== 'ir.ConstantPoolInfo') return { bytes }
    const constants = (info.get('constant_info_array') as TvmArray<TvmObject>).toArray().map((constant) => ({
      offset: Number((constant.get('byte_offset') as TvmObject).get('value')),
      data: constant.get('data') as unknown as NDArray,
    }))
    return { bytes, constants }
  })
}

function describe({ name, inputs, outputs }: Interface, metadata: TvmObject, workspace: number): string {
  const sizes = (tensors: readonly TensorInfo[]) =>
    new Map(tensors.map((tensor) => [tensor.name, sizeInBytes(tensor)]))
  const header = getGlobalFunc('runtime.InterfaceCCreate')(
    name,
    inputs.map((tensor) => tensor.name),
    outputs.map((tensor) => tensor.name),
    poolInputs(metadata),
    metadata.get('io_pool_allocations') as TvmArg,
    metadata.get('devices') as TvmArg,
    workspace,
    sizes(inputs),
    sizes(outputs),
  ) as Module
  return header.getSource()
}

/** Numbers in a tensor. */
export function elements({ shape }: TensorInfo): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

/** Bytes of a tensor. */
export function sizeInBytes(tensor: TensorInfo): number {
  const bits = tensor.dtype === 'bool' ? 8 : Number(/\d+/.exec(tensor.dtype)?.[0])
  return Math.ceil((elements(tensor) * bits) / 8)
}
