import { call } from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import {
  getGlobalFunc,
  type TvmArg,
  type TvmArray,
  type TvmObject,
  type TvmValue,
} from '../../runtime/index.js'
import { lowerPass } from '../lower-pass.js'

/** Up to this many bytes TVM, too, keeps an operator's own buffers on the stack (v0.18, runtime::kMaxStackAlloca). */
const MOST_BYTES = 1024

/**
 * A pass, in the form of TVM's configuration `tir.add_lower_pass`, that takes operators' small buffers out of the memory that is
 * planned for the network and puts them on the stack. These are sums of a tile; where C compilers know that nobody else sees them,
 * they are in registers.
 */
export function stackBuffers(): readonly TvmArg[] {
  return lowerPass('StackBuffers', 'tir.Allocate', (allocation: TvmObject) => {
    const extents = (allocation.get('extents') as TvmArray<TvmValue>).toArray().map(extent)
    const bytes = extents.reduce((product, each) => product * each, sizeOf(String(allocation.get('dtype'))))
    if (extents.some((each) => each <= 0) || bytes > MOST_BYTES) return null
    // Words of 64 bits, as which the generator of C has such memory.
    const memory = call('handle', 'tvm_stack_alloca', 'shape', Math.ceil(bytes / 8))
    const body = allocation.get('body') as TvmArg
    return getGlobalFunc('tir.LetStmt')(allocation.get('buffer_var') as TvmArg, memory, body, null)
  })
}

function sizeOf(dtype: string): number {
  const [, bits, lanes = '1'] = /(\d+)(?:x(\d+))?$/.exec(dtype) ?? []
  return Math.ceil((Number(bits ?? 8) * Number(lanes)) / 8)
}
