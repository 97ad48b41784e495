import { getGlobalFunc, type TvmArg, type TvmObject } from '../../runtime/index.js'
import { lowerPass } from '../lower-pass.js'

const SERIAL = 0
const PARALLEL = 1

/** A pass, in the form of TVM's configuration `tir.add_lower_pass`, that leaves no loop to threads. */
export function serialLoops(): readonly TvmArg[] {
  return lowerPass('SerialLoops', 'tir.For', (loop: TvmObject) => {
    if (loop.get('kind') !== PARALLEL) return null
    const field = (name: string) => loop.get(name) as TvmArg
    const rest = [field('body'), field('thread_binding'), field('annotations'), null]
    return getGlobalFunc('tir.For')(field('loop_var'), field('min'), field('extent'), SERIAL, ...rest)
  })
}
