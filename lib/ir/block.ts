import { getGlobalFunc, makeNode, type TvmObject } from '../runtime/index.js'
import type { Buffer, Stmt } from './stmt.js'
import { constant, type ExprLike, IterKind, iterVar, type PrimExpr, type Var, variable } from './tir.js'

/** A part of a buffer: where it begins and how far it reaches along each axis. */
export interface Region {
  readonly buffer: Buffer
  readonly from: readonly ExprLike[]
  readonly extents: readonly number[]
}

/** One element, or as much of a buffer as there is. */
export function element(buffer: Buffer, ...at: ExprLike[]): Region {
  return { buffer, from: at, extents: at.map(() => 1) }
}
export function whole(buffer: Buffer, shape: readonly number[]): Region {
  return { buffer, from: shape.map(() => 0), extents: shape }
}

export interface BlockAxis {
  readonly name: string
  readonly extent: number
  readonly kind: keyof typeof IterKind
  /** The loop that it runs along. */
  readonly value: PrimExpr
}

export interface BlockOptions {
  readonly name: string
  readonly axes?: readonly BlockAxis[]
  readonly reads: (axes: readonly Var[]) => readonly Region[]
  readonly writes: (axes: readonly Var[]) => readonly Region[]
  readonly body: (axes: readonly Var[]) => Stmt
}

/** A computation with what it reads and writes: what schedules of TensorIR work on (TVM v0.18, include/tvm/tir/stmt.h). */
export function block({ name, axes = [], reads, writes, body }: BlockOptions): Stmt {
  const iterVars = axes.map((axis) => iterVar(axis.extent, axis.name, IterKind[axis.kind]))
  const vars = iterVars.map((each) => each.var)
  const made = getGlobalFunc('tir.Block')(
    iterVars,
    reads(vars).map(bufferRegion),
    writes(vars).map(bufferRegion),
    name,
    body(vars),
    null,
    [],
    [],
    {},
    null,
  )
  const values = axes.map(({ value }) => value)
  return getGlobalFunc('tir.BlockRealize')(values, constant(1, 'bool'), made, null) as Stmt
}

function bufferRegion({ buffer, from, extents }: Region): TvmObject {
  const range = (extent: number, axis: number) =>
    getGlobalFunc('ir.Range_from_min_extent')(from[axis], extent, null)
  return getGlobalFunc('tir.BufferRegion')(buffer, extents.map(range)) as TvmObject
}

/** A function of buffers. */
export function primFunc(buffers: readonly Buffer[], body: Stmt): TvmObject {
  const params = buffers.map((buffer) => variable(buffer.get('name') as string, 'handle'))
  const map = new Map(params.map((param, i) => [param, buffers[i]]))
  return getGlobalFunc('tir.PrimFunc')(params, body, null, map, makeNode('DictAttrs', {}), null) as TvmObject
}
