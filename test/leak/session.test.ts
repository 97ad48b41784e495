import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { native } from '#lib/native.js'
import { load } from '#lib/session/load.js'
import { artifactOf, network } from '../support/artifacts.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const WARM_UP = 40
const ROUNDS = 200

test('rounds of load, run and dispose give back every handle, every thread and all memory', async () => {
  const { model, inputs } = network('kws_dscnn')
  const path = await artifactOf(model, join(scratch, 'kws.tvm'))
  await (await load(path, { threads: 2 })).dispose()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const threads = readdirSync('/proc/self/task').length
  const resident: number[] = []
  let before: ReturnType<typeof native.handleCounts> | undefined
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const session = await load(path, { threads: 2 })
    await session.run(inputs)
    await session.dispose()
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
    if (round === -1) before = native.handleCounts()
    if (round >= 0) resident.push(process.memoryUsage.rss() / 1e6)
  }
  expect(native.handleCounts()).toEqual(before)
  await expect.poll(() => readdirSync('/proc/self/task').length).toBeLessThanOrEqual(threads)
  expect(slope(resident)).toBeLessThan(0.1)
})

/** Of the least-squares line through values one apart. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const covariance = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0)
  return covariance / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0)
}
