import { z } from 'zod'
import { checkOptions, optionSchema } from '../options.js'
import { allowedCpus } from '../session/cpus.js'
import { Gate } from './gate.js'
import { memoryOfTree } from './process-tree.js'

/** What the processes may take that compile, tune, measure and run networks for this one. */
export interface EngineLimits {
  /**
   * How many compilations, checks and the like go on at once; the others wait, within their `timeoutMs`. Default the processors.
   * Trials of a search have their own number, `parallel` of its builder.
   */
  readonly concurrency?: number
  /** Bytes of memory for each process with what it starts: `ERR_MEMORY_LIMIT` beyond. Default none. */
  readonly memoryBytes?: number | undefined
}

const schema = optionSchema({ concurrency: z.int().min(1), memoryBytes: memoryLimit() })

/** The check of an option with a limit of bytes. */
export function memoryLimit() {
  return z.number().positive()
}

/** Where work that takes a process of its own waits for its turn. */
export const engineGate = new Gate(allowedCpus().length)
let memoryBytes: number | undefined

/** The memory for a process where its call names none. */
export const defaultMemoryBytes = () => memoryBytes

/**
 * Limits the processes that work for this one from now on; what is left out stays as it is.
 *
 * @throws `ERR_INVALID_ARGUMENT`
 */
export function limitEngines(limits: EngineLimits): void {
  checkOptions(schema, limits, 'limitEngines')
  if (limits.concurrency !== undefined) engineGate.widen(limits.concurrency)
  if ('memoryBytes' in limits) memoryBytes = limits.memoryBytes
}

/** Milliseconds between looks at a process's memory. */
const LOOK = 100

/**
 * Looks ten times a second at what a process takes, and calls `over` once it is more than `limit` bytes.
 *
 * @returns what ends the looking
 */
export function watchMemory(
  pid: number,
  limit: number | undefined,
  over: (bytes: number) => void,
): Disposable {
  if (limit === undefined) return { [Symbol.dispose]: () => {} }
  const timer = setInterval(() => {
    const bytes = memoryOfTree(pid)
    if (bytes <= limit) return
    clearInterval(timer)
    over(bytes)
  }, LOOK)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
