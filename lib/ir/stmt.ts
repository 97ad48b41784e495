import { dtypeArg, getGlobalFunc, registerObjectType, TvmObject } from '../runtime/index.js'
import type { Operation, Tensor } from './te.js'
import { call, constant, type ExprLike, PrimExpr, type Var, variable } from './tir.js'

/** A statement: what loops and stores are made of (TVM v0.18, include/tvm/tir/stmt.h). */
export class Stmt extends TvmObject {}
for (const key of ['For', 'While', 'BufferStore', 'IfThenElse', 'SeqStmt', 'Allocate', 'Evaluate']) {
  registerObjectType(`tir.${key}`, Stmt)
}

/** Memory that statements read and write. */
export class Buffer extends TvmObject {
  get dtype(): string {
    return this.get('dtype') as string
  }
  at(...indices: ExprLike[]): PrimExpr {
    return getGlobalFunc('tir.BufferLoad')(this, indices, null, null) as PrimExpr
  }
  /** Where the element at `indices` is. */
  pointerTo(...indices: ExprLike[]): PrimExpr {
    return call('handle', 'address_of', this.at(...indices))
  }
  /** Neighbouring elements from `indices` on, as a vector of type `dtype`. */
  vector(dtype: string, ...indices: ExprLike[]): PrimExpr {
    return getGlobalFunc('tir.BufferVLoad')(this, indices, dtypeArg(dtype), null) as PrimExpr
  }
  /** Writes a vector to neighbouring elements from `indices` on. */
  storeVector(value: PrimExpr, ...indices: ExprLike[]): Stmt {
    return getGlobalFunc('tir.BufferVStore')(this, indices, value, null) as Stmt
  }
  /** Writes the element at `indices`; a plain number takes the buffer's type. */
  store(value: ExprLike, ...indices: ExprLike[]): Stmt {
    const element = value instanceof PrimExpr ? value : constant(value, this.dtype)
    return getGlobalFunc('tir.BufferStore')(this, element, indices, null, null) as Stmt
  }
}
registerObjectType('tir.Buffer', Buffer)
registerObjectType('tir.BufferLoad', PrimExpr)

const ForKind = { SERIAL: 0, PARALLEL: 1 } as const

export interface LoopOptions {
  /** Runs the steps on several threads; none may write what another one touches. */
  readonly parallel?: boolean
}

/** Runs `body` for 0 to `extent` - 1. */
export function loop(extent: ExprLike, body: (i: Var) => Stmt, { parallel = false }: LoopOptions = {}): Stmt {
  const i = variable('i')
  const kind = parallel ? ForKind.PARALLEL : ForKind.SERIAL
  return getGlobalFunc('tir.For')(i, 0, extent, kind, body(i), null, null, null) as Stmt
}

/** Calls a function of C for what it does. */
export function callExtern(name: string, ...args: ExprLike[]): Stmt {
  return getGlobalFunc('tir.Evaluate')(call('int32', 'call_extern', name, ...args), null) as Stmt
}

export function sequence(...steps: Stmt[]): Stmt {
  return steps.length === 1 ? (steps[0] as Stmt) : (getGlobalFunc('tir.SeqStmt')(steps, null) as Stmt)
}

export function when(condition: PrimExpr, whenTrue: Stmt, whenFalse: Stmt | null = null): Stmt {
  return getGlobalFunc('tir.IfThenElse')(condition, whenTrue, whenFalse, null) as Stmt
}

/** Gives `body` a buffer of `length` elements of its own. */
export function allocate(length: ExprLike, dtype: string, body: (buffer: Buffer) => Stmt): Stmt {
  const buffer = declareBuffer([length], dtype, 'scratch')
  const data = buffer.get('data') as Var
  const always = constant(1, 'bool')
  return getGlobalFunc('tir.Allocate')(
    data,
    dtypeArg(dtype),
    [length],
    always,
    body(buffer),
    {},
    null,
  ) as Stmt
}

interface BufferOptions {
  readonly elemOffset?: Var
  /** Elements from one index of each axis to the next; default those of a compact buffer. */
  readonly strides?: readonly ExprLike[]
  /** A number that the offset, then a variable, is a multiple of; 0 for a buffer that begins where its memory does. */
  readonly offsetFactor?: number
}

export function declareBuffer(
  shape: readonly ExprLike[],
  dtype: string,
  name: string,
  { elemOffset, strides = [], offsetFactor = 0 }: BufferOptions = {},
): Buffer {
  // Booleans are stored as bytes.
  const element = getGlobalFunc('ir.PrimType')(dtypeArg(dtype === 'bool' ? 'int8' : dtype))
  const pointer = getGlobalFunc('ir.PointerType')(element, 'global')
  const data = getGlobalFunc('tir.Var')(name, pointer, null)
  const alignment = 0
  return getGlobalFunc('tir.Buffer')(
    data,
    dtypeArg(dtype),
    [...shape],
    [...strides],
    elemOffset ?? (offsetFactor > 0 ? variable(`${name}_offset`) : null),
    name,
    alignment,
    offsetFactor,
    '',
    [],
    null,
  ) as Buffer
}

export interface OutputType {
  readonly shape: readonly ExprLike[]
  readonly dtype: string
}

/**
 * Tensors made by statements instead of by an expression for each element: for results that depend on the order of the work
 * or on values. No other computation can be fused into it.
 */
export function extern(
  inputs: readonly Tensor[],
  outputs: readonly OutputType[],
  body: (inputs: Buffer[], outputs: Buffer[]) => Stmt,
  name: string,
): Tensor[] {
  const placed = (shape: readonly ExprLike[], dtype: string, label: string) =>
    declareBuffer(shape, dtype, label, { elemOffset: variable('elem_offset') })
  const reads = inputs.map(({ dims, dtype, op }) => placed(dims, dtype, op.name))
  const writes = outputs.map(({ shape, dtype }) => placed(shape, dtype, name))
  const op = getGlobalFunc('te.ExternOp')(name, '', {}, [...inputs], reads, writes, body(reads, writes))
  return outputs.map((_, i) => (op as Operation).output(i))
}
