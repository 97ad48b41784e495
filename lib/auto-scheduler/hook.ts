import type { Schedule, Tensor } from '../ir/te.js'
import { registerFunc, type TvmArray } from '../runtime/index.js'

/** Says how a fused function is scheduled; null leaves it to the operator's own schedule. */
export type FunctionScheduler = (name: string, outputs: readonly Tensor[]) => Schedule | null

let installed = false
let current: FunctionScheduler | undefined

/** Pass options under which the library asks. */
export const asking: Readonly<Record<string, boolean>> = { 'relay.backend.use_auto_scheduler': true }

/** Lets `scheduler` decide while `body` builds a network with the pass options `asking`. */
export function withFunctionScheduler<T>(scheduler: FunctionScheduler, body: () => T): T {
  if (!installed) {
    installed = true
    const ask = (name: string, outputs: TvmArray<Tensor>) => current?.(name, outputs.toArray()) ?? null
    registerFunc('auto_scheduler.relay_integration.auto_schedule_topi_compute', ask as never)
  }
  const before = current
  current = scheduler
  try {
    return body()
  } finally {
    current = before
  }
}
