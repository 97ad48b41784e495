import { TvmNodeError } from '../errors.js'
import type { Module, PackedFunc } from '../runtime/index.js'

/** A function of a session or a module on the board. @throws `ERR_REMOTE` when it has none of that name */
export function need(module: Module, name: string): PackedFunc {
  const found = module.getFunction(name)
  if (found) return found
  throw new TvmNodeError('ERR_REMOTE', `the board has no function '${name}'`, { details: { name } })
}
