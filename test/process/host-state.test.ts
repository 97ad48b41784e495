import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { artifactOf, network } from '../support/artifacts.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
let artifact: string
beforeAll(async () => {
  artifact = await artifactOf(network('kws_dscnn').model, join(scratch, 'kws.tvm'))
})

/** Runs a program in a process of its own. */
function runProgram(code: string, env: NodeJS.ProcessEnv = {}) {
  const head = `
    import { readFileSync } from 'node:fs'
    const artifact = ${JSON.stringify(artifact)}
    const model = ${JSON.stringify(network('kws_dscnn').model)}
    const ours = async () => {
      const { load, compile, tensor } = await import('#lib/index.js')
      const { sampleInputs } = await import('#lib/session/sample-inputs.js')
      await (await compile(model, { target: 'llvm' })).dispose()
      for (const isolation of ['thread', 'process']) {
        const session = await load(artifact, { isolation, inlineBelowUs: 1e9 })
        // Often enough that short networks run on this thread too.
        for (let i = 0; i < 20; i++) await session.run(sampleInputs(session.inputs))
        await session.dispose()
      }
    }
  `
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', head + code], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { stdout, stderr, status }
}

test.each([{}, { LC_ALL: 'C.UTF-8' }, { LC_ALL: 'de_DE.UTF-8' }])(
  'the host is as it was: signals, processors, locale, denormal numbers, rounding, streams, with %j',
  (env) => {
    const { stdout, stderr, status } = runProgram(
      `
    const status = (name) => new RegExp('^' + name + ':.*', 'm').exec(readFileSync('/proc/self/status', 'utf8'))[0]
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE', 'SIGCHLD', 'SIGUSR2', 'SIGSEGV', 'SIGABRT', 'SIGFPE']
    const small = new Float64Array([5e-324, 2 ** -1022, 1e16, 0.1, 1])
    const snapshot = () => ({
      listeners: signals.map((signal) => process.listenerCount(signal)),
      // All but the ends of children, of which Node hears while it has any.
      caught: (BigInt('0x' + status('SigCgt').slice(8)) & ~(1n << 16n)).toString(16),
      ignored: status('SigIgn'),
      blocked: status('SigBlk'),
      cpus: status('Cpus_allowed_list'),
      limits: readFileSync('/proc/self/limits', 'utf8'),
      locale: readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => line.includes('/locale/')).length,
      denormals: [small[0] * small[4], small[1] / 4, new Float32Array([1e-40])[0]],
      rounding: [small[2] + small[4], small[3] * 3],
      directory: process.cwd(),
      umask: process.umask(),
      // The library itself is told by variables: docs/decisions/0005.
      environment: Object.entries(process.env).filter(([name]) => !/^TVM_(BIND_THREADS|THREAD_POOL_SPIN_COUNT)$/.test(name)),
    })
    process.on('SIGUSR2', () => {})
    const before = snapshot()
    await ours()
    const after = snapshot()
    for (const name of Object.keys(before))
      if (JSON.stringify(before[name]) !== JSON.stringify(after[name]))
        console.log(name, JSON.stringify(before[name]), JSON.stringify(after[name]))
    process.stdout.write('the end')`,
      env,
    )
    expect({ stdout, stderr, status }).toEqual({ stdout: 'the end', stderr: '', status: 0 })
  },
)

describe('loads beside ONNX Runtime, in both orders', () => {
  const onnxruntime = `
    const { InferenceSession, Tensor } = await import('onnxruntime-node')
    const session = await InferenceSession.create(model)
    const [{ shape }] = session.inputMetadata
    const size = shape.reduce((a, b) => a * (typeof b === 'number' && b > 0 ? b : 1), 1)
    const sides = shape.map((each) => (typeof each === 'number' && each > 0 ? each : 1))
    await session.run({ [session.inputNames[0]]: new Tensor('float32', new Float32Array(size), sides) })
  `
  test.each([
    ['onnxruntime-node, then ours', `${onnxruntime}\nawait ours()`],
    ['ours, then onnxruntime-node', `await ours()\n${onnxruntime}`],
  ])('%s', (_, code) => {
    const { stdout, stderr, status } = runProgram(`${code}\nconsole.log('done')`)
    expect({ stdout, status, stderr: status === 0 ? '' : stderr }).toEqual({
      stdout: 'done\n',
      status: 0,
      stderr: '',
    })
  })
})
