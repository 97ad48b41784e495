import { TvmNodeError } from '../errors.js'
import {
  getGlobalFunc,
  makeNode,
  NDArray,
  registerObjectType,
  type TvmArg,
  type TvmArray,
  TvmObject,
} from '../runtime/index.js'
import { isTensor, type Tensor } from '../tensor.js'
import { attrsTypeKey, getOp, type Op } from './op.js'
import { TensorType, type Type, tensorType, tupleType } from './type.js'

export { Op } from './op.js'
export { TensorType, TupleType, Type, tensorType, UNKNOWN_DIM } from './type.js'

/** A Relay expression (TVM v0.18, include/tvm/relay/expr.h). */
export class Expr extends TvmObject {}

export class Var extends Expr {
  get name(): string {
    return (this.get('vid') as TvmObject).get('name_hint') as string
  }
}
registerObjectType('relay.Var', Var)

export class Constant extends Expr {
  get data(): NDArray {
    return this.get('data') as NDArray
  }
}
registerObjectType('relay.Constant', Constant)

export class Call extends Expr {
  get op(): Expr | Op {
    return this.get('op') as Expr | Op
  }
  get args(): Expr[] {
    return (this.get('args') as TvmArray<Expr>).toArray()
  }
  /** Null for an operator that takes no attributes. */
  get attrs(): TvmObject {
    return this.get('attrs') as TvmObject
  }
}
registerObjectType('relay.Call', Call)

export class Tuple extends Expr {
  get fields(): Expr[] {
    return (this.get('fields') as TvmArray<Expr>).toArray()
  }
}
registerObjectType('relay.Tuple', Tuple)

export class TupleGetItem extends Expr {
  get tuple(): Expr {
    return this.get('tuple_value') as Expr
  }
  get index(): number {
    return this.get('index') as number
  }
}
registerObjectType('relay.TupleGetItem', TupleGetItem)

export class Func extends Expr {
  get params(): Var[] {
    return (this.get('params') as TvmArray<Var>).toArray()
  }
  get body(): Expr {
    return this.get('body') as Expr
  }
}
registerObjectType('relay.Function', Func)

/** A free variable of a function: `shape` may hold `UNKNOWN_DIM`. */
export function variable(name: string, shape: readonly number[], dtype: string): Var {
  return getGlobalFunc('relay.ir.Var')(name, tensorType(shape, dtype), null) as Var
}

/** The variables that an expression uses and does not bind. */
export function freeVars(expr: Expr): Var[] {
  return (getGlobalFunc('relay.analysis.free_vars')(expr) as TvmArray<Var>).toArray()
}

/** A constant: a tensor, an array of the library, or one number of type `dtype` (default float32) as a scalar. */
export function constant(value: Tensor | NDArray | number | bigint, dtype = 'float32'): Constant {
  const data =
    value instanceof NDArray ? value : NDArray.from(isTensor(value) ? value : scalarTensor(value, dtype))
  return getGlobalFunc('relay.ir.Constant')(data, null) as Constant
}

function scalarTensor(value: number | bigint, dtype: string): Tensor {
  const array = NDArray.empty([], dtype)
  const { data } = array.toTensor()
  if (Array.isArray(data))
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `no scalar constant of type ${dtype}`)
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array
  data[0] = (wide ? BigInt(value) : Number(value)) as never
  return { dtype: dtype as Tensor['dtype'], shape: [], data }
}

/** Attributes of an operator by TVM's names; those left out take TVM's defaults. Undefined values are left out too. */
export type CallAttrs = Readonly<Record<string, TvmArg | undefined>>

/**
 * Calls the operator `name`. Attributes are checked by the library: an unknown one is `ERR_TVM`. A float attribute that
 * happens to be integral must be marked with `float(x)`.
 */
export function call(name: string, args: readonly Expr[], attrs?: CallAttrs): Call {
  const key = attrsTypeKey(name)
  const given = Object.entries(attrs ?? {}).filter(
    (entry): entry is [string, TvmArg] => entry[1] !== undefined,
  )
  if (key === '' && given.length > 0) {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `operator ${name} takes no attributes, got ${given.map(([k]) => k)}`,
    )
  }
  const node = key === '' ? null : makeNode(key, Object.fromEntries(given))
  return callOp(getOp(name), args, node)
}

/** A call with attributes that are already an object, for rewriting passes. */
export function callOp(op: Expr | Op, args: readonly Expr[], attrs: TvmObject | null): Call {
  return getGlobalFunc('relay.ir.Call')(op, [...args], attrs, [], null) as Call
}

export function tuple(fields: readonly Expr[]): Tuple {
  return getGlobalFunc('relay.ir.Tuple')([...fields], null) as Tuple
}

export function tupleGetItem(value: Expr, index: number): TupleGetItem {
  return getGlobalFunc('relay.ir.TupleGetItem')(value, index, null) as TupleGetItem
}

export function ifThenElse(condition: Expr, whenTrue: Expr, whenFalse: Expr): Expr {
  return getGlobalFunc('relay.ir.If')(condition, whenTrue, whenFalse, null) as Expr
}

/** A function of `params` with the given body; the result type is inferred unless it is given. */
export function func(params: readonly Var[], body: Expr, result: Type | null = null): Func {
  return getGlobalFunc('relay.ir.Function')(
    [...params],
    body,
    result,
    [],
    makeNode('DictAttrs', {}),
    null,
  ) as Func
}

/**
 * A function whose body may call it, as `self`; yields what calls it.
 *
 * @param types - Of the fields of its result, a tuple.
 */
export function recursion(
  params: readonly Var[],
  types: readonly Type[],
  body: (self: Var) => Expr,
): (args: readonly Expr[]) => Expr {
  const self = getGlobalFunc('relay.ir.Var')('loop', null, null) as Var
  const value = func(params, body(self), tupleType(types))
  return (args) => getGlobalFunc('relay.ir.Let')(self, value, callOp(self, args, null), null) as Expr
}

/**
 * The type of an expression. Types already known below it are reused, so asking after each step of building a graph costs
 * the same for each step.
 */
export function typeOf(expr: Expr): Type {
  return getGlobalFunc('relay._transform.InferTypeLocal')(expr) as Type
}

function tensorTypeOf(expr: Expr): TensorType {
  const type = typeOf(expr)
  if (type instanceof TensorType) return type
  throw new TvmNodeError('ERR_INVALID_ARGUMENT', `expected a tensor, got an expression of type ${type}`)
}

/** Extents of a tensor expression, `UNKNOWN_DIM` where not known. */
export function shapeOf(expr: Expr): number[] {
  return tensorTypeOf(expr).shape
}

export function dtypeOf(expr: Expr): string {
  return tensorTypeOf(expr).dtype
}

/** Relay's text form. */
export function asText(node: TvmObject): string {
  return getGlobalFunc('relay.ir.AsText')(node, false, null) as string
}
