import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { compile } from '#lib/compile/compile.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { largestDifference, network } from '../support/artifacts.js'
import { python } from '../support/rpc.js'

test.skipIf(!python)(
  'a board whose server is Python’s (with TVM_NODE_PYTHON)',
  { timeout: 180_000 },
  async () => {
    await using host = await Sshd.start()
    const { model, inputs, outputs } = network('kws_dscnn')
    const [name] = Object.keys(outputs) as [string]
    await using artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v2' })
    const ssh = {
      host: '127.0.0.1',
      port: host.port,
      identity: join(host.folder, 'id'),
      known_hosts: join(host.folder, 'known_hosts'),
    }
    const server = `'${python}' -m tvm.exec.rpc_server --host 127.0.0.1 --key $KEY`
    await using board = openBoard(findBoard({ name: 'desk', target: 'llvm', ssh, server }))
    await board.upload(artifact)
    expect(largestDifference((await board.run(inputs))[name], outputs[name])).toBeLessThan(1e-4)
    const { profile } = await board.profile(inputs, { repeat: 2 })
    expect(profile.length).toBeGreaterThan(3)
    // The session before is over when the next one begins.
    await board.reset()
    await board.upload(artifact)
    expect(largestDifference((await board.run(inputs))[name], outputs[name])).toBeLessThan(1e-4)
  },
)
