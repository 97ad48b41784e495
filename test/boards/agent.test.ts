import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { tune } from '#lib/boards/tune.js'
import { compile } from '#lib/compile/compile.js'
import { RemoteSession } from '#lib/rpc/remote-session.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { largestDifference, network } from '../support/artifacts.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { generator, randomTensor } from '../support/random.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const SLOW = 180_000
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const quantized = join(root, 'test/fixtures/quantized/kws_dscnn_int8')
const [name] = Object.keys(outputs) as [string]

/** A network of which one operator can be tuned. */
const convolution: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1, 8, 14, 14] } },
  initializers: { w: randomTensor([8, 8, 3, 3]) },
  nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
  outputs: ['y'],
}

interface Machine {
  readonly tools: readonly string[]
  readonly target: string
  readonly emulator: readonly string[]
}
const machines: Readonly<Record<string, Machine>> = {
  x86_64: { tools: ['x86_64-linux-gnu-gcc'], target: 'llvm -mcpu=x86-64-v2', emulator: [] },
  aarch64: {
    tools: ['aarch64-linux-gnu-gcc', 'qemu-aarch64'],
    target: 'llvm -mtriple=aarch64-linux-gnu',
    emulator: ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'],
  },
  armv7l: {
    tools: ['arm-linux-gnueabihf-gcc', 'qemu-arm'],
    target: 'llvm -mtriple=armv7l-linux-gnueabihf -mattr=+neon,+vfp4 -mfloat-abi=hard',
    emulator: ['qemu-arm', '-L', '/usr/arm-linux-gnueabihf'],
  },
}
const here = machines.x86_64 as Machine
const present = Object.entries(machines).filter(([, { tools }]) => tools.every(hasTool))
beforeAll(() => {
  const wanted = present.map(([machine]) => machine)
  if (wanted.length > 0)
    execFileSync(process.execPath, [join(root, 'scripts/build-agents.mjs'), ...wanted], { stdio: 'pipe' })
}, SLOW)

/** An agent in a process, with a folder for temporary files of its own. */
class Agent implements AsyncDisposable {
  private constructor(
    readonly port: number,
    readonly child: ChildProcess,
  ) {}

  static async start(machine = 'x86_64', ...options: string[]): Promise<Agent> {
    const { emulator } = machines[machine] as Machine
    const line = [...emulator, join(root, `agents/tvm-agent-${machine}`), '--key', 'key', ...options]
    const env = { ...process.env, TMPDIR: folder }
    const child = spawn(line[0] as string, line.slice(1), { stdio: ['ignore', 'pipe', 'ignore'], env })
    const [announced] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
    return new Agent(Number(/bind to 127\.0\.0\.1:(\d+)/.exec(String(announced))?.[1]), child)
  }

  connect(key = 'key', seconds?: number): Promise<RemoteSession> {
    const options = { key, ...(seconds === undefined ? {} : { seconds }) }
    return RemoteSession.connect({ host: '127.0.0.1', port: this.port }, options)
  }

  /** Process of the session that is open. */
  get session(): number {
    const all = execFileSync('ps', ['-o', 'pid=', '--ppid', String(this.child.pid)], { encoding: 'utf8' })
    return Number(all.trim())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill()
    await ended
    expect(readdirSync(folder).filter((each) => each.startsWith('tvm-agent-'))).toEqual([])
  }
}

for (const [machine, { tools, target }] of Object.entries(machines)) {
  test.skipIf(!tools.every(hasTool))(
    `networks run on the agent for ${machine} as they do here (needs ${tools.join(', ')})`,
    { timeout: SLOW },
    async () => {
      await using agent = await Agent.start(machine)
      await using session = await agent.connect()
      for (const path of [model, join(quantized, 'model.onnx')]) {
        await using artifact = await compile(path, { target })
        await using network = await session.load(artifact)
        const { outputs: results, metrics, profile } = await network.profile(inputs, { repeat: 3 })
        const output = network.outputs[0]?.name as string
        // The other network's weights are these in eight bits.
        const limit = path === model ? 1e-5 : 0.1
        expect(largestDifference(results[output], outputs[name])).toBeLessThan(limit)
        expect(metrics.latencyUs.min).toBeGreaterThan(0)
        expect(profile.length).toBeGreaterThan(5)
        expect(profile.reduce((sum, each) => sum + each.percent, 0)).toBeCloseTo(100, 3)
      }
    },
  )
}

describe.skipIf(!here.tools.every(hasTool))('the agent (needs x86_64-linux-gnu-gcc)', () => {
  test('gives nobody a session without the key', async () => {
    await using agent = await Agent.start()
    await expect(agent.connect('another')).rejects.toMatchObject({ code: 'ERR_SESSION_KEY' })
    await using _ = await agent.connect()
  })

  test('keeps files of a session in its folder, and refuses what is elsewhere or no library', async () => {
    await using agent = await Agent.start()
    await using session = await agent.connect()
    const path = join(quantized, 'model.onnx')
    await session.upload(path, 'file')
    expect((await session.download('file')).byteLength).toBeGreaterThan(1000)
    for (const outside of ['../file', '/etc/passwd', '.', ''])
      await expect(session.download(outside)).rejects.toMatchObject({ code: 'ERR_REMOTE' })
    await session.upload(path, 'file.so')
    const load = session.invoke('tvm.rpc.server.load_module', ['file.so'])
    await expect(load).rejects.toThrow('cannot be loaded on the board')
    await session.remove('file')
    await expect(session.download('file')).rejects.toThrow('no such file')
    // What failed has left the session as it was.
    expect((await session.download('file.so')).byteLength).toBeGreaterThan(1000)
  })

  test('ends a session whose time is over, and one that crashes; the next one works', async () => {
    await using agent = await Agent.start()
    await using late = await agent.connect('key', 1)
    await new Promise((resolve) => setTimeout(resolve, 1300))
    await expect(late.download('file')).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRED' })
    await using killed = await agent.connect()
    process.kill(agent.session, 'SIGKILL')
    await expect(killed.download('file')).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
    await using next = await agent.connect()
    await expect(next.download('file')).rejects.toThrow('no such file')
  })

  test('outlives what is no client', async () => {
    await using agent = await Agent.start()
    const random = generator(7)
    for (let i = 0; i < 40; i++) {
      const socket = connect(agent.port, '127.0.0.1').on('error', () => undefined)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const greeting = Buffer.from('71f20f000a000000', 'hex')
      const noise = Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256)))
      const packet = Buffer.alloc(8)
      packet.writeBigUInt64LE(192n)
      // Garbage, then garbage within the protocol.
      socket.end(i % 2 ? noise : Buffer.concat([greeting, Buffer.from('client:key'), packet, noise]))
      socket.resume()
      await closed
    }
    await using session = await agent.connect()
    await expect(session.download('file')).rejects.toThrow('no such file')
  })

  test('is brought to a board by SSH, where it serves all that boards do', { timeout: SLOW }, async () => {
    await using host = await Sshd.start()
    const board = {
      name: 'bare',
      target: here.target,
      server: 'agent',
      ssh: {
        host: '127.0.0.1',
        port: host.port,
        identity: join(host.folder, 'id'),
        known_hosts: join(host.folder, 'known_hosts'),
      },
    }
    {
      await using backend = await TvmBackend.create({ board })
      await backend.prepare(model)
      expect(largestDifference((await backend.run(inputs))[name], outputs[name])).toBeLessThan(1e-5)
      expect((await backend.profile(inputs)).profile.length).toBeGreaterThan(3)
      // Its own file is gone as soon as it runs.
      const left = readdirSync(tmpdir(), { withFileTypes: true }).filter((entry) => entry.isFile())
      expect(left.filter((entry) => entry.name.startsWith('tvm-agent-'))).toEqual([])
    }
    const report = await tune(onnxModel(convolution), {
      board,
      tuner: {
        name: 'autotvm',
        mode: 'random',
        task_budget: 1,
        records: join(folder, 'bare.log'),
        runner: { number: 1, repeat: 1, min_repeat_ms: 0 },
      },
    })
    await using _ = report.artifact
    const records = readFileSync(join(folder, 'bare.log'), 'utf8').trim().split('\n')
    const results = records.map((line) => JSON.parse(line).result)
    expect(results.length).toBeGreaterThan(0)
    for (const [seconds, error] of results) {
      expect(error).toBe(0)
      expect(seconds[0]).toBeGreaterThan(0)
    }
    await until(() => running().length === 0)
  })
})

/** Agents that were brought to a board. */
function running(): string[] {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')
  return all.filter((line) => /tvm-agent-\w{6} --unlink/.test(line) && !line.includes('sh -c'))
}
