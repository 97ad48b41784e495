import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { setPriority, tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits, restOf } from '../limits.js'
import { removePrivateFoldersOf } from '../private-folders.js'
import { defaultMemoryBytes, engineGate, watchMemory } from './engine-limits.js'
import { killTree } from './process-tree.js'
import { type EngineReply, type ProgressEvent, revivedError } from './protocol.js'

const MAIN = fileURLToPath(new URL('./engine-main.js', import.meta.url))
/** Memory is only taken for what is used. */
const STACK_KB = 128 * 1024
/**
 * Starts Node with a stack that a network of some ten thousand layers fits on: the library walks graphs by recursion and asks
 * for operators' code at their deepest places. Where the system allows no such stack, Node's own limit stays.
 */
const DEEP_STACK = `ulimit -s ${STACK_KB} 2>/dev/null && exec "$0" --stack-size=${STACK_KB - 1024} "$@"; exec "$0" "$@"`
const STDERR_KEPT = 4096
/** Milliseconds to wait for a process that was killed; one that the system holds up is left to it. */
const LONGEST_FAREWELL = 1000

/** Reaching a limit ends the engine. */
export interface RunOptions extends Limits {
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined
  /** Bytes that the engine and what it starts may take meanwhile, `ERR_MEMORY_LIMIT` beyond; default that of `limitEngines`. */
  readonly memoryBytes?: number | undefined
  /** The engine gets it too; it stays open here. */
  readonly socket?: Socket | undefined
}

export interface EngineOptions extends RunOptions, Partial<Pick<ProcessOptions, 'niceness'>> {}

export interface ProcessOptions {
  /** How much the engine gives way to others, from 0 (default) to 19: the nice value of its process. */
  readonly niceness?: number
  /** Descriptors that the engine has too, from `FIRST_GIVEN` on. */
  readonly descriptors?: readonly number[]
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  readonly onProgress: RunOptions['onProgress']
  accepted: boolean
  phase: string | undefined
}

/**
 * A child process that runs tasks which may crash, hang or eat all memory: whatever happens there rejects the promises of
 * its own tasks and nothing else. It ends when its host ends, and does not keep the host running while idle.
 */
export class Engine {
  private readonly child: ChildProcess
  private readonly pending = new Map<number, Pending>()
  private nextId = 1
  private stderr = ''
  private ended = false
  private readonly exited: Promise<unknown>
  /** Where its temporary files are. */
  private readonly place = tmpdir()

  readonly niceness: number

  constructor({ niceness = 0, descriptors = [] }: ProcessOptions = {}) {
    this.niceness = niceness
    this.child = fork(MAIN, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', ...descriptors],
      execPath: '/bin/sh',
      execArgv: ['-c', DEEP_STACK, process.execPath],
    })
    // Threads take it from the one that starts them.
    if (niceness > 0 && this.child.pid !== undefined) setPriority(this.child.pid, niceness)
    running.add(this)
    this.child.on('message', (reply: EngineReply) => this.receive(reply))
    this.child.on('exit', (exitCode, signal) => this.finish(exitCode, signal))
    this.child.on('error', (cause) => this.finish(null, null, cause))
    this.exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk).slice(-STDERR_KEPT)
    })
    this.child.stdout?.resume()
    this.hold(false)
  }

  /** A process that was killed closes its channel before the system tells of its end. */
  get alive(): boolean {
    return !this.ended && this.child.connected
  }
  get pid(): number | undefined {
    return this.child.pid
  }

  /** Runs one task. Rejects with the task's own error, the signal's reason, `ERR_TIMEOUT`, `ERR_MEMORY_LIMIT` or `ERR_ENGINE_CRASHED`. */
  async run(task: string, request: unknown, options: RunOptions = {}): Promise<unknown> {
    const id = this.nextId++
    using time = new LimitedTime(options, () => {
      const phase = this.pending.get(id)?.phase
      return { where: phase ? ` (in phase '${phase}')` : '', details: { phase } }
    })
    if (!this.alive) throw new TvmNodeError('ERR_ENGINE_CRASHED', 'the engine process has ended')
    const memoryBytes = options.memoryBytes ?? defaultMemoryBytes()
    using _watch = watchMemory(this.child.pid as number, memoryBytes, (bytes) =>
      time.abort(this.tooLarge(bytes, memoryBytes as number, this.pending.get(id)?.phase)),
    )
    this.hold(true)
    try {
      const result = new Promise((resolve, reject) => {
        this.pending.set(id, {
          resolve,
          reject,
          onProgress: options.onProgress,
          accepted: false,
          phase: undefined,
        })
        const sent = (cause: Error | null) => {
          if (!cause) return
          const why = `the engine process took no request: ${cause.message}`
          reject(new TvmNodeError('ERR_ENGINE_CRASHED', why, { cause, details: { accepted: false } }))
        }
        this.child.send({ id, task, request }, options.socket, { keepOpen: true }, sent)
      })
      return await Promise.race([result, time.over()])
    } finally {
      if (time.signal.aborted) await this.end()
      this.pending.delete(id)
      if (this.pending.size === 0) this.hold(false)
    }
  }

  /** Ends the process at once, with what it started. */
  kill(): void {
    if (!this.ended && this.child.pid !== undefined) killTree(this.child.pid)
    this.ended = true
  }

  /** Ends the process and waits until it is gone, so that nothing of it writes any more. */
  private async end(): Promise<void> {
    this.kill()
    await Promise.race([this.exited, sleep(LONGEST_FAREWELL, undefined, { ref: false })])
  }

  private receive(reply: EngineReply): void {
    const pending = this.pending.get(reply.id)
    if (!pending) return
    if (reply.type === 'accepted') pending.accepted = true
    else if (reply.type === 'progress') {
      pending.phase = reply.event.phase
      try {
        pending.onProgress?.(reply.event)
      } catch (error) {
        // A listener's fault must not end the work it listens to.
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    } else if (reply.type === 'result') pending.resolve(reply.result)
    else pending.reject(revivedError(reply.error))
  }

  private tooLarge(bytes: number, limit: number, phase: string | undefined): TvmNodeError {
    const [took, most] = [bytes, limit].map((each) => `${Math.round(each / 1e6)} MB`)
    const where = phase ? ` in phase '${phase}'` : ''
    return new TvmNodeError(
      'ERR_MEMORY_LIMIT',
      `the engine process took ${took} of memory${where}; its limit is ${most}`,
      { details: { memoryBytes: limit, phase } },
    )
  }

  private finish(exitCode: number | null, signal: NodeJS.Signals | null, cause?: Error): void {
    this.ended = true
    running.delete(this)
    if (signal && this.child.pid !== undefined) {
      removePrivateFoldersOf(this.child.pid, this.place).catch((error: Error) => process.emitWarning(error))
    }
    const tail = this.stderr.trim()
    for (const { reject, accepted, phase } of this.pending.values()) {
      const how = signal
        ? `was ended by ${signal}${signal === 'SIGKILL' ? ' (out of memory?)' : ''}`
        : `ended with code ${exitCode}`
      const where = phase ? ` in phase '${phase}'` : ''
      reject(
        new TvmNodeError(
          'ERR_ENGINE_CRASHED',
          `the engine process ${how}${where}${tail ? `: ${tail.split('\n').at(-1)}` : ''}`,
          {
            cause,
            details: { exitCode, signal, accepted, phase, stderr: tail },
          },
        ),
      )
    }
  }

  /** Whether the process keeps its host's event loop running. */
  private hold(on: boolean): void {
    const handles = [this.child, this.child.channel, this.child.stderr, this.child.stdout] as unknown as ({
      ref?(): void
      unref?(): void
    } | null)[]
    for (const handle of handles) on ? handle?.ref?.() : handle?.unref?.()
  }
}

/** An engine in the middle of its work does not notice that its host has ended. */
const running = new Set<Engine>()
process.once('exit', () => {
  for (const engine of running) engine.kill()
})

/** Idle engines kept warm: starting one and opening the compiler takes about 0.2 s. */
const MOST_IDLE = 2
const idle: Engine[] = []

/**
 * Runs one task in an engine of its own, a warm one if there is, when it is its turn: see `limitEngines`. Waiting counts towards
 * the time limit.
 */
export async function runInEngine(
  task: string,
  request: unknown,
  { niceness = 0, ...options }: EngineOptions = {},
): Promise<unknown> {
  using time = new LimitedTime(options, () => ({ where: ' (with other work before it)' }))
  const begun = performance.now()
  return await engineGate.run(() => {
    return runInWarm(task, request, niceness, { ...options, ...restOf(options, begun) })
  }, time.signal)
}

async function runInWarm(task: string, request: unknown, niceness: number, options: RunOptions) {
  const warm = takeIdle(niceness)
  if (!warm) return runAndKeep(new Engine({ niceness }), task, request, options)
  try {
    return await runAndKeep(warm, task, request, options)
  } catch (error) {
    // It ended while idle, unnoticed, or with the request still on its way.
    if (!isTvmNodeError(error, 'ERR_ENGINE_CRASHED') || error.details.accepted !== false) throw error
    return runAndKeep(new Engine({ niceness }), task, request, options)
  }
}

async function runAndKeep(engine: Engine, task: string, request: unknown, options: RunOptions) {
  try {
    return await engine.run(task, request, options)
  } finally {
    if (engine.alive && idle.length < MOST_IDLE) idle.push(engine)
    else engine.kill()
  }
}

/** The engine that became idle last among those that are alive and as nice. */
function takeIdle(niceness: number): Engine | undefined {
  const alive = idle.splice(0).filter((engine) => engine.alive)
  const at = alive.findLastIndex((engine) => engine.niceness === niceness)
  const [taken] = at < 0 ? [] : alive.splice(at, 1)
  idle.push(...alive)
  return taken
}
