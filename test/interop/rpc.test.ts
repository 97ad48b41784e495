import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Address } from '#lib/rpc/address.js'
import { requestSession } from '#lib/rpc/request-session.js'
import { RpcServer } from '#lib/rpc/server.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { artifactOf, largestDifference, network } from '../support/artifacts.js'
import { PythonService, runInPython, untilFree } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

const SLOW = 180_000
const sides = ['tvm-node', 'Python'] as const
type Side = (typeof sides)[number]
const pairings = sides.flatMap((tracker) =>
  sides.flatMap((server) => sides.map((client) => ({ tracker, server, client }))),
)

describe('with a Python that has TVM', () => {
  const folder = scratchFolder()
  const { model, inputs, outputs } = network('kws_dscnn')
  const [name] = Object.keys(outputs) as [string]
  const services: { close(): unknown }[] = []
  const trackers = {} as Record<Side, Address>
  let artifact: string

  beforeAll(async () => {
    artifact = await artifactOf(model, join(folder, 'model.tvm'))
    for (const side of sides) {
      const tracker = side === 'Python' ? await PythonService.tracker() : await Tracker.start({ port: 0 })
      trackers[side] = tracker.address
      const own = await RpcServer.start({ port: 0, key: 'tvm-node', tracker: tracker.address })
      services.push(await PythonService.server(tracker.address, 'Python'), own, tracker)
    }
  }, SLOW)
  afterAll(async () => {
    for (const service of services) await service.close()
  })

  test.each(pairings)(
    'tracker of $tracker, server of $server, client of $client',
    async (pairing) => {
      const tracker = trackers[pairing.tracker]
      await untilFree(tracker, pairing.server)
      const work = join(folder, Object.values(pairing).join(' '))
      const result =
        pairing.client === 'Python'
          ? await runInPython(tracker, pairing.server, artifact, inputs, work)
          : await runHere(tracker, pairing.server)
      expect(largestDifference(result[name], outputs[name])).toBeLessThan(1e-5)
      // The server comes back after a session.
      await untilFree(tracker, pairing.server)
    },
    SLOW,
  )

  async function runHere(tracker: Address, key: string) {
    await using session = await requestSession({ tracker, key, timeoutMs: 30_000 })
    await using remote = await session.load(artifact)
    const { metrics } = await remote.profile(inputs, { repeat: 3 })
    expect(metrics.latencyUs.median).toBeGreaterThan(0)
    return remote.run(inputs)
  }
})
