import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import { IRModule } from '../ir/module.js'
import {
  Call,
  Constant,
  call,
  callOp,
  type Expr,
  type Func,
  Op,
  TensorType,
  TupleType,
  type Type,
  typeOf,
  UNKNOWN_DIM,
} from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import type { Target } from '../ir/target.js'
import { runPass, withPassContext } from '../ir/transform.js'
import { hasShape } from '../ops/shapes/shape-function.js'
import { getGlobalFunc, type Module, registerFunc } from '../runtime/index.js'
import { type BuildOptions, passSettings } from './build.js'
import { passesDone } from './optimize.js'

/** A network as a program for Relay's virtual machine, and the code that the program calls. */
export interface VmProgram {
  readonly bytecode: Uint8Array
  readonly module: Module
}

/** Whether a network whose types are known has extents or branches that only a run knows. */
export function needsMachine(mod: IRModule): boolean {
  let found = false
  rewrite(mod.lookup(), (expr) => {
    found ||= expr.typeKey === 'relay.If' || isOpen(expr.get('_checked_type_') as Type)
    return expr
  })
  return found
}

function isOpen(type: Type): boolean {
  if (type instanceof TupleType) return type.fields.some(isOpen)
  return type instanceof TensorType && type.shape.includes(UNKNOWN_DIM)
}

/** @throws `ERR_DYNAMIC_SHAPE` naming the operators whose results have open extents that nothing here can find */
function checkShapes(mod: IRModule): void {
  const missing = new Set<string>()
  rewrite(mod.lookup(), (expr) => {
    if (expr instanceof Call && expr.op instanceof Op && !hasShape(expr.op.name) && isOpen(typeOf(expr)))
      missing.add(expr.op.name)
    return expr
  })
  if (missing.size === 0) return
  const operators = [...missing].sort()
  throw new TvmNodeError(
    'ERR_DYNAMIC_SHAPE',
    `extents of results of ${operators.join(', ')} cannot be left to a run; pin the model's dimensions with shapes, on the command line --shape`,
    { details: { operators } },
  )
}

/** Operators that take a row of one wherever they take a scalar. */
const broadcasting = new Set(
  `add subtract multiply divide power mod floor_divide floor_mod trunc_divide trunc_mod maximum minimum equal not_equal less
 less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift
 where`.split(/\s+/),
)

/**
 * Makes rows of one of computed scalars that meet tensors of open extents: the library's functions for extents take a scalar's extents
 * for a scalar, while its virtual machine hands them an empty row (TVM v0.18, src/relay/backend/te_compiler_cache.cc, MakeShapeFunc).
 */
export function avoidScalars(main: Func): Func {
  return rewrite(main, (expr) => {
    if (!(expr instanceof Call) || !(expr.op instanceof Op)) return expr
    // What makes a row of a scalar must not become part of a function of open extents, which would take the scalar.
    if (/^(reshape|expand_dims)$/.test(expr.op.name) && isScalar(expr.args[0] as Expr))
      return call('annotation.stop_fusion', [expr])
    if (!broadcasting.has(expr.op.name) || !isOpen(typeOf(expr))) return expr
    const args = expr.args.map((arg) => {
      return isScalar(arg) ? call('annotation.stop_fusion', [call('reshape', [arg], { newshape: [1] })]) : arg
    })
    return args.every((arg, i) => arg === expr.args[i]) ? expr : callOp(expr.op, args, expr.attrs)
  })
}

/** Whether an expression is a scalar that is computed. */
function isScalar(expr: Expr): boolean {
  const type = typeOf(expr)
  return type instanceof TensorType && type.shape.length === 0 && !(expr instanceof Constant)
}

/** The library looks for its prelude in a folder (TVM v0.18, src/ir/module.cc, ImportFromStd). */
const PRELUDE = '#[version = "0.0.5"]\nextern type Storage\n'

/**
 * Lowers an optimised network for the virtual machine, which finds the extents of results while it runs (TVM v0.18,
 * src/relay/backend/vm/compiler.cc).
 *
 * @param folder - An existing private folder.
 */
export function lowerVm(mod: IRModule, target: Target, options: BuildOptions, folder: string): VmProgram {
  checkShapes(mod)
  options.onStep?.('codegen')
  mkdirSync(join(folder, 'prelude'), { recursive: true })
  writeFileSync(join(folder, 'prelude', 'core.rly'), PRELUDE)
  registerFunc('tvm.relay.std_path', () => join(folder, 'prelude'), { override: true })
  const { optLevel, config } = passSettings(target, options)
  // Kernels check what their operands' extents have to do with each other, which nobody knows before.
  const checked = { ...config, 'tir.disable_assert': false }
  // Level 0 would leave out passes without which the library's compiler cannot go on.
  const context = { optLevel: Math.max(optLevel, 1), config: checked, disabledPasses: passesDone }
  return withPassContext(context, () => {
    const compiler = getGlobalFunc('relay._vm._VMCompiler')() as Module
    const invoke = (of: Module, name: string, ...args: Parameters<ReturnType<typeof getGlobalFunc>>) => {
      const found = of.getFunction(name)
      if (!found) throw new Error(`the library's virtual machine compiler has no function ${name}`)
      return found(...args)
    }
    const ready = runPass('InferType', IRModule.fromFunction(avoidScalars(mod.lookup())))
    invoke(compiler, 'lower', ready, [target])
    invoke(compiler, 'codegen')
    const executable = invoke(compiler, 'get_executable') as Module
    return {
      bytecode: invoke(executable, 'save') as Uint8Array,
      module: invoke(executable, 'get_lib') as Module,
    }
  })
}
