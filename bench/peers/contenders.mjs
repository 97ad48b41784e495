// What is measured: each contender runs the same model `count` times and gives milliseconds.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openOnnxRuntime } from '#lib/cli/peer.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'

const WARM_UP = 3
/** Milliseconds between contenders: the pools of all keep spinning for a while after work. */
const REST = 50

/** Our own session, and ONNX Runtime with the same inputs. */
export async function openOwn(model, { target, threads }) {
  const artifact = await compile(model, { target })
  const session = await load(artifact, { threads })
  const inputs = sampleInputs(session.inputs)
  return {
    inputs,
    measure: (count) => timed(count, () => session.run(inputs)),
    async dispose() {
      await session.dispose()
      await artifact.dispose()
    },
  }
}

export async function openPeer(model, inputs, threads) {
  const peer = await openOnnxRuntime(model, inputs, threads)
  return { measure: (count) => timed(count, () => peer.run()), dispose: () => peer.dispose() }
}

async function timed(count, run) {
  const times = []
  for (let i = 0; i < count; i++) {
    const started = performance.now()
    await run()
    times.push(performance.now() - started)
  }
  return times
}

/** A Python with TVM in a process of its own. Its `build` tells how long that took. */
export function openPython(python, threads) {
  const script = fileURLToPath(new URL('./tvm_peer.py', import.meta.url))
  const child = spawn(python, [script], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TVM_NUM_THREADS: String(threads) },
  })
  const ended = new Promise((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`Python ended with ${signal ?? code}`)))
  })
  ended.catch(() => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    const { value } = await Promise.race([lines.next(), ended])
    const answer = JSON.parse(value)
    if (answer.error) throw new Error(answer.error)
    return answer
  }
  return {
    build: (model, mcpu) => ask({ model, mcpu }),
    measure: async (count) => (await ask({ runs: count })).ms,
    dispose: async () => void child.kill('SIGKILL'),
  }
}

/** Measures in turns, so that what else the machine does meets all contenders alike; times of each. */
export async function inTurns(contenders, runs, turns) {
  const times = contenders.map(() => [])
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, contender] of contenders.entries()) {
      await sleep(REST)
      await contender.measure(WARM_UP)
      times[i].push(...(await contender.measure(Math.ceil(runs / turns))))
    }
  }
  return times
}
