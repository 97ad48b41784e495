// The main module of an engine process.
import type { Socket } from 'node:net'
import { native } from '../native.js'
import { type EngineReply, type EngineRequest, plainError, type Task } from './protocol.js'

const tasks: Readonly<Record<string, () => Promise<{ run: Task }>>> = {
  'auto-scheduler-search': () => import('../tuning/auto-scheduler/search-task.js'),
  'auto-scheduler-tasks': () => import('../tuning/auto-scheduler/extract-task.js'),
  'autotvm-search': () => import('../tuning/autotvm/search-task.js'),
  'autotvm-tasks': () => import('../tuning/autotvm/extract-task.js'),
  build: () => import('../measure/build-task.js'),
  check: () => import('../compile/check-task.js'),
  'code-needs': () => import('../compile/code-needs-task.js'),
  'count-operators': () => import('../compile/analysis/count-task.js'),
  compile: () => import('../compile/task.js'),
  'compile-traced': () => import('../compile/analysis/trace-task.js'),
  library: () => import('./library-task.js'),
  'meta-scheduler-search': () => import('../tuning/meta-scheduler/search-task.js'),
  'meta-scheduler-tasks': () => import('../tuning/meta-scheduler/extract-task.js'),
  'record-scripts': () => import('../meta-schedule/scripts-task.js'),
  reference: () => import('../backend/reference-task.js'),
  'rpc-serve': () => import('../rpc/serve-task.js'),
  'rpc-session': () => import('../rpc/remote-task.js'),
  run: () => import('../measure/run-task.js'),
  session: () => import('../session/engine-task.js'),
  structure: () => import('../compile/structure-task.js'),
}

function send(reply: EngineReply): void {
  process.send?.(reply)
}

process.on('message', (message: EngineRequest, socket: Socket | undefined) => {
  void serve(message, socket)
})
// Without its host an engine has nobody to work for, and in the middle of its work it hears no event.
process.on('disconnect', () => process.exit(0))
native.endWithParent()

async function serve({ id, task, request }: EngineRequest, socket: Socket | undefined): Promise<void> {
  send({ id, type: 'accepted' })
  try {
    const module = Object.hasOwn(tasks, task) ? await tasks[task]?.() : undefined
    if (!module) throw new Error(`an engine knows no task '${task}'`)
    const progress = (event: Parameters<Parameters<Task>[1]['progress']>[0]) =>
      send({ id, type: 'progress', event })
    const result = await module.run(request as never, { progress, socket })
    send({ id, type: 'result', result })
  } catch (error) {
    send({ id, type: 'error', error: plainError(error) })
  }
}
