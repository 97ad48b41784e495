import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import {
  CallThread,
  getGlobalFunc,
  type Module,
  NDArray,
  openLibrary,
  type PackedFunc,
  type TvmArg,
  type TvmValue,
} from '../runtime/index.js'
import {
  type ArtifactContents,
  type ArtifactMetadata,
  checkCpuFeatures,
  type InputInfo,
  type TensorInfo,
} from './artifact.js'
import { CallQueue } from './call-queue.js'
import { allowedCpus } from './cpus.js'
import { checkInputs, type NamedTensors } from './inputs.js'
import type { CallOptions, OperatorProfile, ProfileReport, Session } from './session.js'

const CPU = 1
/** TVM's thread pool mode "n threads that share these processors" (v0.18, include/tvm/runtime/threading_backend.h). */
const SHARE_CPUS = -3
const MOST_DEFAULT_THREADS = 8

/** A session on one native thread of this process, with its own pool of workers. */
export class ThreadSession implements Session {
  readonly inputs: readonly InputInfo[]
  readonly outputs: readonly TensorInfo[]
  private readonly thread = new CallThread()
  private readonly queue = new CallQueue(false)
  private executor: Executor | undefined
  private profiler: Promise<Executor> | undefined
  private isDisposed = false

  private constructor(
    private readonly contents: ArtifactContents,
    readonly threads: number,
  ) {
    this.inputs = contents.metadata.inputs
    this.outputs = contents.metadata.outputs
  }

  /** @throws `ERR_CPU_FEATURES`, `ERR_NO_BUNDLE`, `ERR_TVM` */
  static async open(contents: ArtifactContents, threads?: number): Promise<ThreadSession> {
    checkCpuFeatures(contents.metadata)
    openLibrary({ kind: 'runtime' })
    const cpus = allowedCpus()
    const session = new ThreadSession(contents, threads ?? Math.min(cpus.length, MOST_DEFAULT_THREADS))
    try {
      await session.start(cpus)
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

  private async start(cpus: readonly number[]): Promise<void> {
    await this.call('runtime.config_threadpool', SHARE_CPUS, this.threads, cpus.map(String))
    this.executor = await this.createExecutor('tvm.graph_executor.create')
  }

  private async createExecutor(create: string): Promise<Executor> {
    const { members } = this.contents
    const graph = Buffer.from(members['graph.json'] as Uint8Array).toString('utf8')
    const library = await this.loadCode()
    const module = (await this.call(create, graph, library, CPU, 0)) as Module
    const executor = new Executor(module, this.thread)
    await executor.call('load_params', members['params.bin'])
    return executor
  }

  /** The system's loader needs a file; it may go as soon as it is mapped. */
  private async loadCode(): Promise<Module> {
    const folder = await mkdtemp(join(tmpdir(), 'tvm-node-'))
    try {
      const path = join(folder, 'lib.so')
      await writeFile(path, this.contents.members['lib.so'] as Uint8Array)
      return (await this.call('runtime.ModuleLoadFromFile', path, '')) as Module
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  private call(name: string, ...args: TvmArg[]): Promise<TvmValue> {
    return getGlobalFunc(name).callOn(this.thread, ...args)
  }

  async run(inputs: NamedTensors, options: CallOptions = {}): Promise<NamedTensors> {
    this.guard()
    checkInputs(inputs, this.inputs)
    return this.queue.add(options, () => this.runOn(this.executor as Executor, inputs))
  }

  private async runOn(executor: Executor, inputs: NamedTensors): Promise<NamedTensors> {
    const outputs = this.outputs.map((_, i) => ['get_output', i] as const)
    const [, ...arrays] = await this.callWith(executor, inputs, [['run'], ...outputs])
    return this.collect(arrays as NDArray[])
  }

  /** Sets the inputs and runs `calls`, all in one go. */
  private async callWith(
    executor: Executor,
    inputs: NamedTensors,
    calls: readonly ExecutorCall[],
  ): Promise<TvmValue[]> {
    const arrays = this.inputs.map(({ name }) => NDArray.from(inputs[name] as NamedTensors[string]))
    try {
      const setting = this.inputs.map(
        ({ internal }, i) => ['set_input', internal, arrays[i] as NDArray] as const,
      )
      return (await executor.calls([...setting, ...calls])).slice(setting.length)
    } finally {
      for (const array of arrays) array.dispose()
    }
  }

  /** Copies the outputs out, which the next run overwrites. */
  private collect(arrays: readonly NDArray[]): NamedTensors {
    const outputs = this.outputs.map(({ name, dtype, shape }, i) => {
      using array = arrays[i] as NDArray
      return [name, { dtype, shape: [...shape], data: array.toTensor().data }]
    })
    return Object.fromEntries(outputs)
  }

  async profile(
    inputs: NamedTensors,
    options: CallOptions & { readonly repeat?: number } = {},
  ): Promise<ProfileReport> {
    this.guard()
    checkInputs(inputs, this.inputs)
    return this.queue.add(options, async () => {
      const executor = this.executor as Executor
      const outputs = await this.runOn(executor, inputs)
      const times: number[] = []
      for (let i = 0; i < (options.repeat ?? 10); i++) {
        const started = performance.now()
        await executor.call('run')
        times.push((performance.now() - started) * 1000)
      }
      times.sort((a, b) => a - b)
      this.profiler ??= this.createExecutor('tvm.graph_executor_debug.create')
      const profiler = await this.profiler
      const [report] = await this.callWith(profiler, inputs, [['profile', []]])
      const json = (await this.call('runtime.profiling.AsJSON', report as TvmArg)) as string
      return {
        outputs,
        metrics: {
          latencyUs: {
            median: times[times.length >> 1] as number,
            min: times[0] as number,
            max: times.at(-1) as number,
          },
        },
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
    await this.queue.idle()
    this.executor?.dispose()
    ;(await this.profiler?.catch(() => undefined))?.dispose()
    this.thread.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** A function of the executor with its arguments. */
type ExecutorCall = readonly [name: string, ...args: TvmArg[]]

/** A graph executor and the functions of it that are used again and again. */
class Executor {
  private readonly functions = new Map<string, PackedFunc>()

  constructor(
    private readonly module: Module,
    private readonly thread: CallThread,
  ) {}

  async call(name: string, ...args: TvmArg[]): Promise<TvmValue> {
    const [result] = await this.calls([[name, ...args]])
    return result as TvmValue
  }

  /** Runs some of the executor's functions in a row. */
  calls(list: readonly ExecutorCall[]): Promise<TvmValue[]> {
    return this.thread.run(list.map(([name, ...args]) => [this.find(name), args]))
  }

  private find(name: string): PackedFunc {
    let found = this.functions.get(name)
    if (!found) {
      const looked = this.module.getFunction(name)
      if (!looked) throw new TvmNodeError('ERR_UNKNOWN_FUNCTION', `the executor has no function '${name}'`)
      found = looked
      this.functions.set(name, found)
    }
    return found
  }

  dispose(): void {
    for (const func of this.functions.values()) func.dispose()
    this.functions.clear()
    this.module.dispose()
  }
}

interface ReportJson {
  readonly calls: readonly Record<string, Record<string, number | string>>[]
}

/** Reads the library's report (TVM v0.18, src/runtime/profiling.cc, AsJSON). */
function operatorProfiles(json: string): OperatorProfile[] {
  const value = (entry: Record<string, number | string> | undefined) => Object.values(entry ?? {})[0]
  const { calls } = JSON.parse(json) as ReportJson
  const total = calls.reduce((sum, call) => sum + Number(value(call['Duration (us)']) ?? 0), 0)
  return calls.map((call) => {
    const durationUs = Number(value(call['Duration (us)']) ?? 0)
    return {
      name: String(value(call.Name) ?? '').replace(/^tvmgen_default_(fused_)?/, ''),
      durationUs,
      percent: total > 0 ? (100 * durationUs) / total : 0,
      device: String(value(call.Device) ?? ''),
    }
  })
}
