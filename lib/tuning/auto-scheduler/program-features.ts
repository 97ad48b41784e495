import { endianness } from 'node:os'
import { getGlobalFunc, type TvmObject } from '../../runtime/index.js'
import type { ProgramFeatures } from '../program-model.js'

/** Numbers that describe one store of a program (TVM v0.18, src/auto_scheduler/feature.cc). */
export const STORE_FEATURES = 164
/** Buffers that a store is described with. */
const MOST_BUFFERS = 5
const WORD = 4

/** Features of schedules of one task, computed by the library on all processors. */
export function programFeatures(task: TvmObject, states: readonly TvmObject[]): ProgramFeatures {
  if (states.length === 0) return { rows: new Float32Array(), sizes: new Int32Array() }
  const packed = getGlobalFunc('auto_scheduler.GetPerStoreFeaturesFromStates')(
    [...states],
    task,
    MOST_BUFFERS,
  ) as Uint8Array
  return unpack(packed)
}

/** Layout: a count, the sizes of all arrays in words, then the arrays, each the number of stores and their features. */
function unpack(packed: Uint8Array): ProgramFeatures {
  if (endianness() !== 'LE') throw new Error('features are read on little-endian machines only')
  const bytes = packed.byteOffset % WORD === 0 ? packed : packed.slice()
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const count = view.getInt32(0, true)
  const words = Array.from({ length: count }, (_, i) => view.getInt32(WORD * (1 + i), true))
  const sizes = Int32Array.from(words, (size) => (size === 0 ? 0 : (size - 1) / STORE_FEATURES))
  const rows = new Float32Array(sizes.reduce((sum, size) => sum + size, 0) * STORE_FEATURES)
  const values = new Float32Array(bytes.buffer, bytes.byteOffset)
  let from = 1 + count + 2
  let to = 0
  for (const size of words) {
    rows.set(values.subarray(from + 1, from + size), to)
    from += size
    to += Math.max(0, size - 1)
  }
  return { rows, sizes }
}
