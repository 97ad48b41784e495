// A host that ends in the way it is told, in the middle of the work it is told. Usage: hygiene-host.mjs WORK END MODEL ARTIFACT DELAY
// Says `ready` when the work goes on; DELAY milliseconds later it ends.
import { Worker } from 'node:worker_threads'

const [work, end, model, artifact, delay] = process.argv.slice(2)
const ready = () => {
  process.stdout.write('ready\n')
  setTimeout(finish, Number(delay))
}
let worker
const ends = {
  // What works in promises that are left alone, but the host has nothing more to do.
  return: () => {
    stopped = true
  },
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('a fault of the host')
  },
  terminate: () => worker.terminate(),
  signal: () => {},
}
let stopped = false
const finish = () => ends[end]()

const runs = (isolation) => `
  const { load } = await import(${JSON.stringify(import.meta.resolve('#lib/index.js'))})
  const { sampleInputs } = await import(${JSON.stringify(import.meta.resolve('#lib/session/sample-inputs.js'))})
  const session = await load(artifact, { isolation: '${isolation}' })
  const inputs = sampleInputs(session.inputs)
  await session.run(inputs)
  ready()
  while (!stopped()) await session.run(inputs)`
const AsyncFunction = (async () => {}).constructor
const run = (isolation) =>
  new AsyncFunction('artifact', 'ready', 'stopped', runs(isolation))(artifact, ready, () => stopped)

/** Once, when something is reported: then it is in its middle. */
function once(callback) {
  let called = false
  return () => {
    if (!called) callback()
    called = true
  }
}

const works = {
  thread: () => run('thread'),
  process: () => run('process'),
  worker: () => {
    const code = `
      const { workerData: artifact, parentPort } = require('node:worker_threads')
      const ready = () => parentPort.postMessage('ready')
      const stopped = () => false
      ;(async () => {${runs('thread')}})()`
    worker = new Worker(code, { eval: true, workerData: artifact })
    worker.once('message', ready)
  },
  'worker-process': () => {
    const code = `
      const { workerData: artifact, parentPort } = require('node:worker_threads')
      const ready = () => parentPort.postMessage('ready')
      const stopped = () => false
      ;(async () => {${runs('process')}})()`
    worker = new Worker(code, { eval: true, workerData: artifact })
    worker.once('message', ready)
  },
  compile: async () => {
    const { compile } = await import('#lib/index.js')
    const onProgress = once(ready)
    const compiled = await compile(model, { target: 'llvm', cache: false, onProgress })
    await compiled.dispose()
  },
  tune: async () => {
    const { tune } = await import('#lib/index.js')
    const begun = once(ready)
    await tune(model, {
      target: 'llvm',
      tuner: { task_budget: 8, mode: 'random' },
      onEvent: ({ type }) => type === 'trial' && begun(),
    })
  },
}
await works[work]()
