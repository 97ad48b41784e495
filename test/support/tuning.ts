import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TuneEvent } from '#lib/tuning/events.js'
import { type TuneOptions, tune } from '#lib/tuning/tune.js'
import { childrenOf } from './processes.js'

/** Aborts a tuning `delayMs` after its first event of a type: it must reject within two seconds and leave no process. */
export async function expectEndByAbort(
  model: string,
  options: TuneOptions,
  { after, delayMs }: { readonly after: TuneEvent['type']; readonly delayMs: number },
): Promise<void> {
  const controller = new AbortController()
  let aborted = 0
  const abort = () => {
    aborted = performance.now()
    controller.abort(new Error('enough'))
  }
  const tuning = tune(model, {
    ...options,
    signal: controller.signal,
    onEvent: ({ type }) => {
      if (type !== after || aborted) return
      if (delayMs === 0) abort()
      else setTimeout(abort, delayMs)
    },
  })
  await expect(tuning).rejects.toThrow('enough')
  expect(performance.now() - aborted).toBeLessThan(2000)
  await sleep(500)
  const engines = childrenOf().filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-main'),
  )
  // Two idle engines of compilations stay warm.
  expect(engines.length).toBeLessThanOrEqual(2)
}
