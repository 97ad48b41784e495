import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeNpy, encodeNpy } from '#lib/npy.js'
import type { Address } from '#lib/rpc/address.js'
import { TrackerClient } from '#lib/rpc/tracker-client.js'
import { readArtifact } from '#lib/session/artifact.js'
import { freePort } from '../../scripts/steps/free-port.mjs'
import type { Tensors } from './artifacts.js'

/** Waits until something holds. */
export async function until(condition: () => unknown, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${ms} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Waits until a tracker has so many free servers of a key. */
export async function untilFree(tracker: Address, key: string, count = 1): Promise<void> {
  const free = async () => {
    using client = await TrackerClient.connect(tracker)
    const { queue_info } = await client.summary()
    return (queue_info[key]?.free ?? 0) >= count
  }
  await until(() => free().catch(() => false), 90_000)
}

/** A Python that has TVM 0.18, named by `TVM_NODE_PYTHON`. */
export const python = process.env.TVM_NODE_PYTHON

export class PythonService {
  private constructor(
    readonly address: Address,
    private readonly child: ChildProcess,
  ) {}

  private static async start(module: string, args: readonly string[]): Promise<PythonService> {
    const port = await freePort()
    const all = [
      '-m',
      module,
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
      '--port-end',
      `${port + 1}`,
      ...args,
    ]
    // A group of its own, since these start further processes.
    const child = spawn(python as string, all, { stdio: 'ignore', detached: true })
    return new PythonService({ host: '127.0.0.1', port }, child)
  }

  static async tracker(): Promise<PythonService> {
    const service = await PythonService.start('tvm.exec.rpc_tracker', ['--silent'])
    await until(
      () =>
        TrackerClient.connect(service.address).then(
          (client) => client.close() === undefined,
          () => false,
        ),
      90_000,
    )
    return service
  }

  static server(tracker: Address, key: string): Promise<PythonService> {
    const where = `${tracker.host}:${tracker.port}`
    return PythonService.start('tvm.exec.rpc_server', ['--tracker', where, '--key', key, '--silent'])
  }

  close(): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL')
  }
  [Symbol.dispose](): void {
    this.close()
  }
}

const client = fileURLToPath(new URL('../fixtures/rpc-client.py', import.meta.url))

/** Runs an artifact through Python's client; the outputs in their order. */
export async function runInPython(
  tracker: Address,
  key: string,
  artifact: string,
  inputs: Tensors,
  folder: string,
): Promise<Tensors> {
  mkdirSync(folder, { recursive: true })
  const { metadata, members } = await readArtifact(artifact)
  for (const name of ['lib.so', 'graph.json', 'params.bin'])
    writeFileSync(join(folder, name), members[name] as Uint8Array)
  for (const { name, internal } of metadata.inputs)
    writeFileSync(join(folder, `${internal}.npy`), encodeNpy(inputs[name] as Tensors[string]))
  const args = [client, tracker.host, `${tracker.port}`, key, folder]
  await promisify(execFile)(python as string, args, { timeout: 100_000 })
  return Object.fromEntries(
    metadata.outputs.map(({ name }, i) => [
      name,
      decodeNpy(readFileSync(join(folder, `output${i}.result.npy`)), name),
    ]),
  )
}
