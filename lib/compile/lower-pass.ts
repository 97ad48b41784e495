import { getGlobalFunc, type TvmArg, type TvmObject } from '../runtime/index.js'

/** After the last of the simplifications, which calculate with constants (TVM v0.18, src/driver/driver_api.cc). */
const LAST_PHASE = 3

/**
 * A pass over the functions that operators are lowered to, in the form of TVM's configuration `tir.add_lower_pass`.
 *
 * @param node - The kind of nodes that the pass looks at, such as `tir.For`.
 * @param visit - Returns what stands in a node's place, or null to leave it. Nodes within were visited before.
 */
export function lowerPass(
  name: string,
  node: string,
  visit: (node: never) => TvmArg,
): readonly [readonly [number, TvmArg]] {
  return [[LAST_PHASE, functionPass(name, (func) => rewritePrimFunc(func, node, visit))]]
}

/** A pass that makes of each function another one, or leaves it. */
export function functionPass(name: string, change: (func: TvmObject) => TvmObject): TvmObject {
  const info = getGlobalFunc('transform.PassInfo')(0, name, [], false)
  return getGlobalFunc('tir.transform.CreatePrimFuncPass')(change, info) as TvmObject
}

/** One function with some of its nodes replaced, as by `lowerPass`. */
export function rewritePrimFunc(func: TvmObject, node: string, visit: (node: never) => TvmArg): TvmObject {
  const field = (of: string) => func.get(of) as TvmArg
  const body = getGlobalFunc('tir.IRTransform')(field('body'), null, visit, [node])
  const rest = [field('ret_type'), field('buffer_map'), field('attrs'), null]
  return getGlobalFunc('tir.PrimFunc')(field('params'), body, ...rest) as TvmObject
}
