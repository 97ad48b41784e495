import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { Project } from '#lib/micro/project-api/project.js'
import { network } from '../support/artifacts.js'
import { python } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const SLOW = 180_000
const root = fileURLToPath(new URL('../..', import.meta.url))
const peers = join(root, 'test/fixtures/peers')
const scratch = scratchFolder()
const { model } = network('kws_dscnn')

async function runPeer(script: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(python as string, [join(peers, script), ...args])
  return JSON.parse(stdout.trim().split('\n').at(-1) as string)
}

test(
  "TVM's tools read an archive of ours, and its project servers make projects of it",
  async () => {
    const archive = join(scratch, 'kws.tar')
    await using made = await compile(model, { target: 'c', format: 'mlf' })
    await made.save(archive)
    expect(await runPeer('model_library.py', archive)).toEqual({
      type: 'mlf',
      executor: 'aot',
      parameters: 0,
    })

    process.env.PYTHON = python
    await using template = await Project.open(join(peers, 'project'))
    const options = { project_type: 'loopback', board: 'one' }
    const directory = join(scratch, 'project')
    const wrong = template.generate(archive, directory, { ...options, board: 'three' })
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_CONFIG' })
    await using project = await template.generate(archive, directory, options)
    await project.build()
    await expect(project.build({ verbose: true })).rejects.toMatchObject({
      code: 'ERR_PROJECT_API',
      details: { traceback: expect.stringContaining('too much said') },
    })
    await project.flash()
    await using line = await project.openTransport()
    expect(line.timeouts).toEqual({ startRetry: 0, start: 5, established: 5.5 })
    const bytes = Buffer.from(Array.from({ length: 777 }, (_, i) => (i * 7) & 255))
    await line.write(bytes, 1)
    expect(await line.read(1000, 1)).toEqual(bytes)
    await expect(line.read(1, 0.1)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  },
  2 * SLOW,
)

test.skipIf(!hasTool('x86_64-linux-gnu-gcc'))(
  "TVM's own client runs a network on the agent (needs x86_64-linux-gnu-gcc)",
  async () => {
    execFileSync(process.execPath, [join(root, 'scripts/build-agents.mjs'), 'x86_64'], { stdio: 'pipe' })
    await using artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v2' })
    execFileSync('tar', ['xf', artifact.path, '-C', scratch])
    const agent = spawn(join(root, 'agents/tvm-agent-x86_64'), ['--key', 'secret'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const [announced] = await once(agent.stdout, 'data')
      const port = /:(\d+)/.exec(String(announced))?.[1] as string
      const answer = await runPeer('agent_client.py', port, 'secret', scratch)
      expect(answer).toMatchObject({ shape: [1, 12], seconds: expect.any(Number) })
    } finally {
      const ended = once(agent, 'exit')
      agent.kill()
      await ended
    }
  },
  SLOW,
)
