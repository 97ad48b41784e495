import {
  dtypeArg,
  float,
  getGlobalFunc,
  registerObjectType,
  type TvmArg,
  TvmObject,
} from '../runtime/index.js'
import { getOp } from './op.js'

/** An expression of numbers (TVM v0.18, include/tvm/ir/expr.h). */
export class PrimExpr extends TvmObject {
  get dtype(): string {
    return this.get('dtype') as string
  }
}
export class Var extends PrimExpr {}
export class IntImm extends PrimExpr {
  get value(): number {
    return Number(this.get('value'))
  }
}
for (const key of [
  'FloatImm',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Mod',
  'FloorDiv',
  'FloorMod',
  'Min',
  'Max',
  'Cast',
  'Select',
  'Call',
]) {
  registerObjectType(key === 'FloatImm' ? key : `tir.${key}`, PrimExpr)
}
for (const key of [
  'EQ',
  'NE',
  'LT',
  'LE',
  'GT',
  'GE',
  'And',
  'Or',
  'Not',
  'ProducerLoad',
  'Reduce',
  'Any',
  'Let',
  'Broadcast',
  'Shuffle',
]) {
  registerObjectType(`tir.${key}`, PrimExpr)
}
registerObjectType('IntImm', IntImm)
registerObjectType('tir.Var', Var)
registerObjectType('tir.SizeVar', Var)

/** An axis of a computation or a loop (TVM v0.18, include/tvm/tir/var.h). */
export class IterVar extends TvmObject {
  get var(): Var {
    return this.get('var') as Var
  }
  /** The number of steps, where it is a constant. */
  get extent(): number {
    const extent = (this.get('dom') as TvmObject).get('extent')
    return extent instanceof IntImm ? extent.value : Number.NaN
  }
}
registerObjectType('tir.IterVar', IterVar)

/** Where a number is taken as an integer of the other operand's kind. */
export type ExprLike = PrimExpr | number

export const IterKind = { DATA_PARALLEL: 0, REDUCE: 2 } as const

export function variable(name: string, dtype = 'int32'): Var {
  return getGlobalFunc('tir.Var')(name, dtypeArg(dtype), null) as Var
}

/** A variable for an extent: it is not negative. */
export function sizeVariable(name: string, dtype = 'int32'): Var {
  return getGlobalFunc('tir.SizeVar')(name, dtypeArg(dtype), null) as Var
}

export function iterVar(extent: ExprLike, name: string, kind: number): IterVar {
  const range = getGlobalFunc('ir.Range_from_min_extent')(0, extent, null)
  return getGlobalFunc('tir.IterVar')(range, variable(name), kind, '', null) as IterVar
}

/** A number of type `dtype`. */
export function constant(value: number, dtype: string): PrimExpr {
  const marked = dtype.startsWith('float') ? float(value) : value
  return getGlobalFunc('node._const')(marked as TvmArg, dtypeArg(dtype), null) as PrimExpr
}

function binary(name: string): (a: ExprLike, b: ExprLike) => PrimExpr {
  return (a, b) => getGlobalFunc(`tir._Op${name}`)(like(a, b), like(b, a), null) as PrimExpr
}
/** A plain number takes the type of the expression beside it. */
function like(value: ExprLike, other: ExprLike): ExprLike {
  return typeof value === 'number' && other instanceof PrimExpr ? constant(value, other.dtype) : value
}

export const add = binary('Add')
export const sub = binary('Sub')
export const mul = binary('Mul')
export const div = binary('Div')
export const floordiv = binary('FloorDiv')
export const floormod = binary('FloorMod')
export const min = binary('Min')
export const max = binary('Max')
export const eq = binary('EQ')
export const ne = binary('NE')
export const lt = binary('LT')
export const le = binary('LE')
export const gt = binary('GT')
export const ge = binary('GE')
export const and = binary('And')
export const or = binary('Or')

/** All of the conditions. */
export function all(...conditions: PrimExpr[]): PrimExpr {
  return conditions.reduce((joined, condition) => and(joined, condition))
}
export function cast(value: PrimExpr, dtype: string): PrimExpr {
  return value.dtype === dtype
    ? value
    : (getGlobalFunc('tir._cast')(dtypeArg(dtype), value, null) as PrimExpr)
}
/** Both branches are evaluated. */
export function select(condition: PrimExpr, whenTrue: ExprLike, whenFalse: ExprLike): PrimExpr {
  return getGlobalFunc('tir.Select')(
    condition,
    like(whenTrue, whenFalse),
    like(whenFalse, whenTrue),
    null,
  ) as PrimExpr
}
/** Only the branch taken is evaluated, so it may guard a load. */
export function ifThenElse(condition: PrimExpr, whenTrue: ExprLike, whenFalse: ExprLike): PrimExpr {
  return getGlobalFunc('tir._OpIfThenElse')(
    condition,
    like(whenTrue, whenFalse),
    like(whenFalse, whenTrue),
    null,
  ) as PrimExpr
}
/** A call of a TIR operator such as `exp`. */
export function call(dtype: string, op: string, ...args: TvmArg[]): PrimExpr {
  return getGlobalFunc('tir.Call')(dtypeArg(dtype), getOp(`tir.${op}`), args, null) as PrimExpr
}
/** A call of an LLVM intrinsic without side effects, by its full name such as `llvm.x86.sse2.pmadd.wd`. */
export function llvmIntrinsic(dtype: string, name: string, ...args: PrimExpr[]): PrimExpr {
  const id = getGlobalFunc('target.llvm_lookup_intrinsic_id')(name) as number
  const unsigned = (value: number) => constant(value, 'uint32')
  // The second number counts operands by whose types one of several forms is found.
  return call(dtype, 'call_llvm_pure_intrin', unsigned(id), unsigned(args.length), ...args)
}
/** The same bits as another type. */
export function reinterpret(value: PrimExpr, dtype: string): PrimExpr {
  return value.dtype === dtype ? value : call(dtype, 'reinterpret', value)
}
/** A vector of `lanes` times the same number. */
export function broadcast(value: PrimExpr, lanes: number): PrimExpr {
  return getGlobalFunc('tir.Broadcast')(value, lanes, null) as PrimExpr
}
/** Marks a condition that holds in all but a few iterations, so that the loop may be partitioned by it. */
export function likely(condition: PrimExpr): PrimExpr {
  return call('bool', 'likely', condition)
}
export function exp(x: PrimExpr): PrimExpr {
  return call(x.dtype, 'exp', x)
}
/** `body` of a variable that stands for `value`, which is computed once. */
export function letIn(value: PrimExpr, body: (value: PrimExpr) => PrimExpr): PrimExpr {
  const bound = variable('v', value.dtype)
  return getGlobalFunc('tir.Let')(bound, value, body(bound), null) as PrimExpr
}
export function shiftLeft(x: PrimExpr, bits: PrimExpr): PrimExpr {
  return call(x.dtype, 'shift_left', x, bits)
}
/** Keeps the sign. */
export function shiftRight(x: PrimExpr, bits: PrimExpr): PrimExpr {
  return call(x.dtype, 'shift_right', x, bits)
}
export function minValue(dtype: string): PrimExpr {
  return getGlobalFunc('tir.min_value')(dtypeArg(dtype), null) as PrimExpr
}
export function simplify(expr: ExprLike): PrimExpr {
  const analyzer = getGlobalFunc('arith.CreateAnalyzer')() as unknown as (
    name: string,
  ) => (e: ExprLike) => PrimExpr
  return analyzer('Simplify')(expr)
}
