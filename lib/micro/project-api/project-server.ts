import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { z } from 'zod'
import { TvmNodeError } from '../../errors.js'
import { LimitedTime, type Limits } from '../../limits.js'
import { killTree } from '../../process/process-tree.js'

const LAUNCHER = 'launch_microtvm_api_server.sh'
const SCRIPT = 'microtvm_api_server.py'
const PROGRAM = 'microtvm_api_server'
/** Numbers of the pipes in the server. */
const READ = 3
const WRITE = 4
/** Characters of output that an error shows, of one that is kept, and of the longest reply. */
const SHOWN = 2000
const KEPT = 10_000
const LONGEST_REPLY = 64 << 20
/** Milliseconds for a server to end by itself when its pipes are closed. */
const ENDING = 2000

const reply = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: z.number().nullable(),
  result: z.unknown().optional(),
  error: z
    .looseObject({
      code: z.number(),
      message: z.string(),
      data: z.looseObject({ traceback: z.unknown() }).partial().nullish(),
    })
    .optional(),
})
type Reply = z.output<typeof reply>

/**
 * The server of a template or generated project, as a process: requests and replies of JSON-RPC over two pipes, one at a time (TVM
 * v0.18, python/tvm/micro/project_api). A call that fails but for an error of the server's own ends the process.
 */
export class ProjectServer implements AsyncDisposable {
  private nextId = 1
  private received = ''
  private output = ''
  private over: TvmNodeError | undefined
  private waiting: { resolve(line: string): void; reject(error: unknown): void } | undefined
  private last: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly directory: string,
    private readonly child: ChildProcess,
    private readonly requests: Writable,
  ) {}

  /**
   * Starts the server of a project's directory: `launch_microtvm_api_server.sh`, else `microtvm_api_server.py` with `PYTHON` of the
   * environment or `python3`, else an executable `microtvm_api_server`.
   *
   * @throws `ERR_CONFIG` when the directory has none, `ERR_PROJECT_API` when it cannot be started
   */
  static start(directory: string): ProjectServer {
    const folder = resolve(directory)
    const [command, ...args] = commandOf(folder)
    const child = spawn(command, [...args, '--read-fd', String(READ), '--write-fd', String(WRITE)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    })
    const server = new ProjectServer(folder, child, child.stdio[READ] as Writable)
    server.listen(child.stdio[WRITE] as Readable)
    return server
  }

  /** Whether calls are possible. */
  get alive(): boolean {
    return this.over === undefined
  }

  /**
   * Calls a method once those before it have been answered.
   *
   * @throws `ERR_TIMEOUT`, `ERR_PROJECT_API` for an error of the server and for one that ended or breaks the protocol
   */
  call(method: string, params: object, limits: Limits): Promise<unknown> {
    const call = this.last.then(() => this.perform(method, params, limits))
    this.last = call.catch(() => undefined)
    return call
  }

  private async perform(method: string, params: object, limits: Limits): Promise<unknown> {
    if (this.over) throw this.over
    const id = this.nextId++
    using time = new LimitedTime(limits, () => ({
      where: ` ('${method}' of ${this.directory})${this.said}`,
      details: { method },
    }))
    let answer: Reply
    try {
      const line = new Promise<string>((resolve, reject) => {
        this.waiting = { resolve, reject }
      })
      this.requests.write(`${JSON.stringify({ jsonrpc: '2.0', method, params, id })}\n`)
      answer = this.parse(method, id, await Promise.race([line, time.over()]))
    } catch (error) {
      // What would be answered late is of no use.
      this.end(error instanceof TvmNodeError ? error : this.failure(method, 'was given up'))
      throw error
    } finally {
      this.waiting = undefined
    }
    if (!answer.error) return answer.result
    // After a request that it takes for wrong the server ends.
    if (answer.id === null) this.end(this.failure(method, answer.error.message))
    throw this.refusal(method, answer.error)
  }

  private parse(method: string, id: number, line: string): Reply {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw this.failure(method, `answered what is no JSON: ${line.slice(0, 200)}`)
    }
    const { success, data } = reply.safeParse(value)
    if (!success) throw this.failure(method, `answered what is no reply: ${line.slice(0, 200)}`)
    if (data.id !== id && !(data.id === null && data.error))
      throw this.failure(method, `answered request ${data.id} in place of ${id}`)
    if (!data.error && !('result' in data)) throw this.failure(method, 'answered without a result')
    return data
  }

  private listen(replies: Readable): void {
    const { child } = this
    const keep = (text: string) => {
      this.output = (this.output + text).slice(-KEPT)
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)
    replies.setEncoding('utf8').on('data', (text: string) => this.take(text))
    for (const stream of [replies, this.requests]) stream.on('error', () => undefined)
    child.once('error', (cause) => this.end(this.failure('start', `cannot be started: ${cause.message}`)))
    child.once('close', (code, signal) =>
      this.end(this.failure('', `ended ${signal ? `by ${signal}` : `with status ${code}`}`)),
    )
  }

  private take(text: string): void {
    this.received += text
    if (this.received.length > LONGEST_REPLY) this.end(this.failure('', 'answered without an end'))
    for (let end = this.received.indexOf('\n'); end >= 0; end = this.received.indexOf('\n')) {
      const line = this.received.slice(0, end)
      this.received = this.received.slice(end + 1)
      this.waiting?.resolve(line)
    }
  }

  private end(error: TvmNodeError): void {
    if (this.over) return
    this.over = error
    this.waiting?.reject(error)
    if (this.child.pid !== undefined && this.child.exitCode === null) killTree(this.child.pid)
  }

  private get said(): string {
    const output = this.output.trim()
    return output && `; it said: ${output.slice(-SHOWN)}`
  }

  private failure(method: string, what: string): TvmNodeError {
    return new TvmNodeError(
      'ERR_PROJECT_API',
      `the project server of ${this.directory} ${what}${this.said}`,
      {
        details: { directory: this.directory, method },
      },
    )
  }

  private refusal(method: string, { code, message, data }: NonNullable<Reply['error']>): TvmNodeError {
    const [mine, what] = classes[message] ?? (['ERR_PROJECT_API', message] as const)
    const traceback = [data?.traceback ?? ''].flat().join('')
    const told = traceback && `:\n${traceback.trim().slice(-SHOWN)}`
    return new TvmNodeError(mine, `'${method}' of ${this.directory} failed: ${what}${told}`, {
      details: { directory: this.directory, method, code, traceback },
    })
  }

  /** Lets the server end by itself, for which it has two seconds. Safe to call twice. */
  async dispose(): Promise<void> {
    await this.last
    const { child } = this
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    this.requests.end()
    const late = setTimeout(() => child.pid !== undefined && killTree(child.pid), ENDING)
    await ended
    clearTimeout(late)
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** Errors that servers name, by the names of TVM's classes. */
const classes: Readonly<
  Record<string, readonly ['ERR_CONNECTION' | 'ERR_TIMEOUT' | 'ERR_PROJECT_API', string]>
> = {
  TransportClosedError: ['ERR_CONNECTION', 'the line to the board is closed'],
  IoTimeoutError: ['ERR_TIMEOUT', 'the board did not answer in time'],
  UnsupportedTVMVersionError: ['ERR_PROJECT_API', 'it supports another version of TVM than 0.18'],
}

function commandOf(folder: string): [string, ...string[]] {
  const script = join(folder, SCRIPT)
  const launcher = join(folder, LAUNCHER)
  const program = join(folder, PROGRAM)
  if (existsSync(launcher)) return [launcher, script]
  if (existsSync(script)) return [process.env.PYTHON || 'python3', script]
  if (isExecutable(program)) return [program]
  throw new TvmNodeError(
    'ERR_CONFIG',
    `there is no project server in ${folder}: neither ${LAUNCHER}, nor ${SCRIPT}, nor an executable ${PROGRAM}`,
    { details: { path: 'template_dir', directory: folder } },
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
