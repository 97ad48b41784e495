// Sessions one after the other in one process, each of which brings a network, runs it and checks what comes out.
// Usage: session-client.mjs HOST PORT KEY CYCLES
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { compile } from '../../dist/compile/compile.js'
import { RemoteGraph } from '../../dist/rpc/remote-graph.js'
import { TrackerClient } from '../../dist/rpc/tracker-client.js'
import { getGlobalFunc, openLibrary } from '../../dist/runtime/index.js'
import { readArtifact } from '../../dist/session/artifact.js'
import { sampleInputs } from '../../dist/session/sample-inputs.js'

const [host, port, key, cycles] = process.argv.slice(2)
const model = fileURLToPath(new URL('../../test/fixtures/models/kws_dscnn/model.onnx', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tvm-node-soak-'))
try {
  const path = join(folder, 'model.tvm')
  const artifact = await compile(model, { target: 'llvm' })
  await artifact.save(path)
  await artifact.dispose()
  const contents = await readArtifact(path)
  const inputs = sampleInputs(contents.metadata.inputs)
  openLibrary({ kind: 'runtime' })
  const client = await TrackerClient.connect({ host, port: Number(port) })
  let expected
  for (let i = 0; i < Number(cycles); i++) {
    const grant = await client.request(key, 1, { timeoutMs: 60_000 })
    const session = getGlobalFunc('rpc.Connect')(grant.host, grant.port, grant.matchKey, false)
    const libraries = new Map()
    const executor = RemoteGraph.open(session, contents, libraries)
    const outputs = JSON.stringify(Object.values(executor.run(inputs)).map(({ data }) => [...data]))
    expected ??= outputs
    if (outputs !== expected) throw new Error(`cycle ${i}: other outputs than before`)
    executor.dispose()
    for (const library of libraries.values()) library.dispose()
    session.getFunction('CloseRPCConnection')()
    session.dispose()
    // Functions of a session hold its place among the library's 32 until they are collected.
    globalThis.gc()
    await setImmediate()
  }
  client.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
