import type { TvmArray, TvmValue } from '../runtime/index.js'
import { Op } from './op.js'
import { Call, call, type Expr, typeOf } from './relay.js'
import { rewrite } from './rewrite.js'
import { extent, TensorType, type Type, UNKNOWN_DIM } from './type.js'

/**
 * Removes what changes nothing: casts to the same type, reshapes and transposes that follow each other or cancel out,
 * conversions between layouts and back. The library has such a pass (TVM v0.18, src/relay/transforms/simplify_expr.cc);
 * it infers all types again for each of its patterns, which takes seconds for a network of a hundred convolutions.
 */
export function simplify<T extends Expr>(root: T): T {
  return rewrite(root, (expr) =>
    expr instanceof Call && expr.op instanceof Op ? simplifyCall(expr, expr.op.name) : expr,
  )
}

const reshapes = new Set(['reshape', 'contrib_reverse_reshape', 'squeeze', 'expand_dims', 'nn.batch_flatten'])

function simplifyCall(expr: Call, name: string): Expr {
  if (reshapes.has(name)) return simplifyReshape(expr)
  if (name === 'cast') {
    const [x] = expr.args as [Expr]
    return sameType(x, expr) ? x : expr
  }
  if (name === 'transpose') return simplifyTranspose(expr)
  if (name === 'layout_transform') return simplifyLayout(expr)
  return expr
}

function innerCall(expr: Expr, names: ReadonlySet<string>): Call | undefined {
  return expr instanceof Call && expr.op instanceof Op && names.has(expr.op.name) ? expr : undefined
}

function sameType(a: Expr, b: Expr): boolean {
  const [left, right] = [typeOf(a), typeOf(b)]
  if (!(left instanceof TensorType) || !(right instanceof TensorType) || left.dtype !== right.dtype)
    return false
  const [from, to] = [left.shape, right.shape]
  return from.length === to.length && from.every((dim, i) => dim === to[i] && dim !== UNKNOWN_DIM)
}

function simplifyReshape(expr: Call): Expr {
  const [x] = expr.args as [Expr]
  if (expr.args.length === 1 && sameType(x, expr)) return x
  const inner = innerCall(x, reshapes)
  const type = typeOf(expr)
  if (!inner || !(type instanceof TensorType) || type.shape.some((dim) => dim <= 0)) return expr
  const [source] = inner.args as [Expr]
  const joined = call('reshape', [source], { newshape: type.shape })
  return sameType(source, joined) ? source : joined
}

const transposes = new Set(['transpose'])

function axesOf(expr: Call): number[] {
  const type = typeOf(expr.args[0] as Expr) as TensorType
  const rank = type.shape.length
  const axes = expr.attrs.get('axes')
  if (axes === null) return Array.from({ length: rank }, (_, i) => rank - 1 - i)
  return (axes as TvmArray<TvmValue>).toArray().map((axis) => (extent(axis) + rank) % rank)
}

function simplifyTranspose(expr: Call): Expr {
  const [x] = expr.args as [Expr]
  const outer = axesOf(expr)
  const inner = innerCall(x, transposes)
  const axes = inner ? outer.map((axis) => axesOf(inner)[axis] as number) : outer
  const source = inner ? (inner.args[0] as Expr) : x
  if (axes.every((axis, i) => axis === i)) return source
  return inner ? call('transpose', [source], { axes }) : expr
}

const layoutTransforms = new Set(['layout_transform'])

function simplifyLayout(expr: Call): Expr {
  const [x] = expr.args as [Expr]
  const layout = (of: Call, name: string) => of.attrs.get(name) as string
  if (layout(expr, 'src_layout') === layout(expr, 'dst_layout')) return x
  if (keepsOrder(layout(expr, 'src_layout'), layout(expr, 'dst_layout'), typeOf(x), typeOf(expr)))
    return call('reshape', [x], { newshape: (typeOf(expr) as TensorType).shape })
  const inner = innerCall(x, layoutTransforms)
  if (!inner || layout(inner, 'dst_layout') !== layout(expr, 'src_layout')) return expr
  const [source] = inner.args as [Expr]
  return layout(inner, 'src_layout') === layout(expr, 'dst_layout') ? source : expr
}

/** Whether a conversion leaves every element where it is: blocks of one channel, or channels of one element. */
function keepsOrder(source: string, result: string, from: Type, to: Type): boolean {
  const blocked = /^NCHW(\d+c)?$/
  if (!blocked.test(source) || !blocked.test(result)) return false
  if (!(from instanceof TensorType) || !(to instanceof TensorType)) return false
  if ([...from.shape, ...to.shape].some((dim) => dim <= 0)) return false
  const single = (layout: string) => layout === 'NCHW' || layout === 'NCHW1c'
  return (single(source) && single(result)) || (from.shape[2] === 1 && from.shape[3] === 1)
}
