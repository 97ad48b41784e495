import type { Module } from './module.js'
import { getGlobalFunc, type PackedFunc } from './packed-func.js'

/** How a function is timed (TVM v0.18, src/runtime/rpc/rpc_module.cc, RPCTimeEvaluator). */
export interface Timing {
  /** Calls in one measurement at first. */
  readonly number: number
  /** Measurements. */
  readonly repeat: number
  /** Milliseconds that a measurement takes at least: calls are added until it does; default 0. */
  readonly minRepeatMs?: number
  /** Milliseconds of rest after each measurement; default 0. */
  readonly cooldownMs?: number
  /** Whether the caches are emptied of all arguments but the first before each measurement, best with `number` 1; default false. */
  readonly cacheFlush?: boolean
}

/** Measurements of no measurable time after which no more calls are added. */
const ZERO_TIMES = 100
const FLUSH = 'cache_flush_cpu_non_first_arg'

/**
 * A function that times another one wherever its module is, here or on a board; `measuredSeconds` reads what it returns.
 *
 * @param deviceType - The library's number of the device.
 */
export function timeEvaluator(
  module: Module,
  name: string,
  deviceType: number,
  { number, repeat, minRepeatMs = 0, cooldownMs = 0, cacheFlush = false }: Timing,
): PackedFunc {
  const flush = cacheFlush ? FLUSH : ''
  return getGlobalFunc('runtime.RPCTimeEvaluator')(
    module,
    name,
    deviceType,
    0,
    number,
    repeat,
    minRepeatMs,
    ZERO_TIMES,
    cooldownMs,
    1,
    0,
    flush,
  ) as PackedFunc
}

/** Seconds a call, one a measurement, from the bytes that a time evaluator returns. */
export function measuredSeconds(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true))
}
