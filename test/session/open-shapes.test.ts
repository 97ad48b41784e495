import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Artifact, compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { openBatch as batch, openNetwork as model } from '../support/open-network.js'
import { randomTensor as random } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'

/** Sums of a hundred products of up to 500. */
const sums = { atol: 1e-3 }

let artifact: Artifact
beforeAll(async () => {
  artifact = await compile(model, { executor: 'vm' })
})
afterAll(() => artifact.dispose())

test('the result says what runs it and which extents are open', () => {
  expect(artifact.executor).toBe('vm')
  expect(artifact.metadata.inputs[0]?.shape).toEqual([-1, 3, 8, 8])
  expect(artifact.metadata.outputs[0]?.shape).toEqual([-1, 10])
  expect(artifact.metadata.assumed).toEqual([])
})

describe.each(['thread', 'process'] as const)('in a %s', (isolation) => {
  test('batches of any size give the numbers of ONNX Runtime', async () => {
    await using session = await load(artifact, { isolation })
    for (const n of [1, 7, 3, 1, 64])
      expectClose(await session.run(batch(n)), await runReference(model, batch(n)), sums)
  })

  test('a profile is one of the inputs at hand', async () => {
    await using session = await load(artifact, { isolation })
    const { outputs, metrics, profile } = await session.profile(batch(5), { repeat: 3 })
    expectClose(outputs, await runReference(model, batch(5)), sums)
    expect(metrics.latencyUs.count).toBe(3)
    expect(profile.map(({ name }) => name).join()).toMatch(/conv2d/)
  })

  test('inputs that fit no extents are refused and harm nothing', async () => {
    await using session = await load(artifact, { isolation })
    const wrong = { x: random([2, 3, 8, 9]) }
    await expect(session.run(wrong)).rejects.toMatchObject({ code: 'ERR_INPUT' })
    await expect(session.run(wrong)).rejects.toThrow('[?,3,8,8]')
    expectClose(await session.run(batch(2)), await runReference(model, batch(2)), sums)
  })
})

test('runs at the same time each have their own inputs', async () => {
  await using session = await load(artifact)
  const sizes = [4, 1, 9, 2]
  const results = await Promise.all(sizes.map((n) => session.run(batch(n))))
  for (const [i, n] of sizes.entries())
    expectClose(results[i] as never, await runReference(model, batch(n)), sums)
})

test('pinned dimensions make a graph', async () => {
  await using pinned = await compile(model, { shapes: { x: [3, 3, 8, 8] } })
  expect(pinned.executor).toBe('graph')
})
