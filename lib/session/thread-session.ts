import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import { makePrivateFolder, removePrivateFolder, writePrivate } from '../private-folders.js'
import {
  adoptParallelLoops,
  type CallResults,
  CallThread,
  getGlobalFunc,
  type Module,
  type NDArray,
  openLibrary,
  type PackedCall,
  type TvmArg,
  type TvmValue,
} from '../runtime/index.js'
import { summarize } from '../statistics.js'
import {
  type ArtifactContents,
  type ArtifactMetadata,
  checkProcessor,
  type InputInfo,
  type TensorInfo,
} from './artifact.js'
import {
  type CallOptions,
  checkCallOptions,
  checkProfileOptions,
  type ProfileOptions,
} from './call-options.js'
import { CallQueue } from './call-queue.js'
import { allowedCpus } from './cpus.js'
import type { Executor, ExecutorKind } from './executor.js'
import { graphExecutor } from './graph-executor.js'
import { InlineGate } from './inline-gate.js'
import { checkInputs, isOpen, type NamedTensors } from './inputs.js'
import { operatorProfiles } from './operator-profile.js'
import type { LoadOptions, ProfileReport, Session } from './session.js'
import { virtualMachine } from './virtual-machine.js'

/** TVM's thread pool mode "n threads that share these processors" (v0.18, include/tvm/runtime/threading_backend.h). */
const SHARE_CPUS = -3
const MOST_DEFAULT_THREADS = 8
const INLINE_BELOW_US = 200

const kinds: Readonly<Partial<Record<ArtifactMetadata['executor'], ExecutorKind>>> = {
  graph: graphExecutor,
  vm: virtualMachine,
}

/** A session on one native thread of this process, with its own pool of workers; short runs go on the JavaScript thread. */
export class ThreadSession implements Session {
  readonly inputs: readonly InputInfo[]
  readonly outputs: readonly TensorInfo[]
  private readonly thread: CallThread
  private readonly queue = new CallQueue(false)
  private readonly gate: InlineGate
  private executor: Executor | undefined
  private profiler: Promise<Executor> | undefined
  private isDisposed = false

  private constructor(
    private readonly contents: ArtifactContents,
    readonly threads: number,
    inlineBelowUs: number,
  ) {
    this.thread = new CallThread(threads)
    this.gate = new InlineGate(inlineBelowUs)
    this.inputs = contents.metadata.inputs
    this.outputs = contents.metadata.outputs
  }

  /** @throws `ERR_CPU_FEATURES`, `ERR_NO_BUNDLE`, `ERR_TVM` */
  static async open(
    contents: ArtifactContents,
    { threads, inlineBelowUs = INLINE_BELOW_US }: Pick<LoadOptions, 'threads' | 'inlineBelowUs'> = {},
  ): Promise<ThreadSession> {
    checkProcessor(contents)
    openLibrary({ kind: 'runtime' })
    const most = Math.min(allowedCpus().length, MOST_DEFAULT_THREADS)
    const session = new ThreadSession(contents, threads ?? most, inlineBelowUs)
    try {
      session.executor = await session.createExecutor(false)
    } catch (error) {
      await session.dispose()
      throw error
    }
    return session
  }

  get metadata(): ArtifactMetadata {
    return this.contents.metadata
  }
  get disposed(): boolean {
    return this.isDisposed
  }

  private async createExecutor(profiling: boolean): Promise<Executor> {
    const { executor } = this.metadata
    const kind = kinds[executor]
    if (!kind) throw new TvmNodeError('ERR_NOT_ARTIFACT', `there are no sessions for executor '${executor}'`)
    return kind.open(this.contents, await this.loadCode(), this.thread, profiling)
  }

  /** The system's loader needs a file; it may go as soon as it is mapped. */
  private async loadCode(): Promise<Module> {
    const folder = await makePrivateFolder()
    try {
      const path = join(folder, 'lib.so')
      await writePrivate(path, this.contents.members['lib.so'] as Uint8Array)
      const code = (await this.call('runtime.ModuleLoadFromFile', path, '')) as Module
      if (!adoptParallelLoops(path)) await this.limitLibraryPool()
      return code
    } finally {
      await removePrivateFolder(folder)
    }
  }

  /** For loops that start in the TVM library itself. */
  private async limitLibraryPool(): Promise<void> {
    await this.call('runtime.config_threadpool', SHARE_CPUS, this.threads, allowedCpus().map(String))
  }

  private call(name: string, ...args: TvmArg[]): Promise<TvmValue> {
    return getGlobalFunc(name).callOn(this.thread, ...args)
  }

  async run(inputs: NamedTensors, options: CallOptions = {}): Promise<NamedTensors> {
    this.guard()
    checkCallOptions(options)
    checkInputs(inputs, this.inputs, this.metadata.assumed)
    if (this.gate.open && !this.gate.spent && this.queue.isIdle && !options.signal?.aborted)
      return this.runHere(inputs)
    return this.queue.add(options, async () => {
      if (!this.gate.open) return this.runOn(this.executor as Executor, inputs)
      await new Promise((resolve) => setImmediate(resolve))
      return this.runHere(inputs)
    })
  }

  private runHere(inputs: NamedTensors): NamedTensors {
    const results = this.thread.runHere(callsOf(this.executor as Executor, inputs))
    this.gate.spend(results.durationUs)
    return this.collect(results)
  }

  private async runOn(executor: Executor, inputs: NamedTensors): Promise<NamedTensors> {
    return this.collect(await this.thread.run(callsOf(executor, inputs)))
  }

  /** Copies the outputs out, which the next run overwrites. */
  private collect({ values, durationUs }: CallResults): NamedTensors {
    this.gate.record(durationUs)
    const arrays = values.slice(-this.outputs.length)
    const outputs = this.outputs.map(({ name, dtype, shape }, i) => {
      using array = arrays[i] as NDArray
      const extents = isOpen({ shape }) ? array.shape : shape
      return [name, { dtype, shape: [...extents], data: array.toTensor().data }]
    })
    return Object.fromEntries(outputs)
  }

  async profile(inputs: NamedTensors, options: ProfileOptions = {}): Promise<ProfileReport> {
    this.guard()
    checkProfileOptions(options)
    checkInputs(inputs, this.inputs, this.metadata.assumed)
    return this.queue.add(options, async () => {
      const executor = this.executor as Executor
      const outputs = await this.runOn(executor, inputs)
      const times: number[] = []
      for (let i = 0; i < (options.repeat ?? 10); i++) {
        const started = performance.now()
        await this.thread.run([executor.run])
        times.push((performance.now() - started) * 1000)
      }
      this.profiler ??= this.createExecutor(true)
      const profiler = await this.profiler
      const { values } = await this.thread.run([...profiler.prepare(inputs), profiler.profile])
      const report = values.at(-1)
      const json = (await this.call('runtime.profiling.AsJSON', report as TvmArg)) as string
      return {
        outputs,
        metrics: { latencyUs: summarize(times) },
        profile: operatorProfiles(json),
      }
    })
  }

  private guard(): void {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await this.queue.answered()
    const freed = this.queue.idle().then(() => this.free())
    // A run that was given up may go on for long: what it uses is freed behind it.
    if (!this.queue.busy) await freed
  }

  private async free(): Promise<void> {
    this.executor?.dispose()
    ;(await this.profiler?.catch(() => undefined))?.dispose()
    this.thread.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** The calls of one run, which end with those for the outputs. */
function callsOf(executor: Executor, inputs: NamedTensors): PackedCall[] {
  return [...executor.prepare(inputs), executor.run, ...executor.outputs]
}
