import { type BoardRuntime, compileRuntime } from '../micro/firmware.js'
import type { Platform } from '../micro/platform.js'
import { makePrivateFolder, removePrivateFolder } from '../private-folders.js'
import { Engine } from '../process/engine.js'
import { allowedCpus } from '../session/cpus.js'
import type { BuildRequest, PassConfig } from './build-task.js'
import { type Builder, type BuildInput, type BuildOutcome, buildErrors, failureOf } from './trial.js'

export interface BuilderOptions {
  /** Processes that build; default the processors. */
  readonly parallel?: number
  /** Seconds for one build; default 10. */
  readonly timeout?: number
  /** Bytes of memory of each process: see `CompileOptions.memoryBytes`. A trial beyond fails. */
  readonly memoryBytes?: number | undefined
  /** Pass options, those that the network is built with. */
  readonly config?: PassConfig
  /** A kind of boards without an operating system: what is built is programs for them. */
  readonly platform?: Platform
}

/** Builds in a pool of processes: one that crashes or hangs costs its trial and is replaced. */
export class LocalBuilder implements Builder {
  readonly parallel: number
  private readonly timeoutMs: number
  private readonly idle: Engine[] = []
  private readonly engines = new Set<Engine>()
  private folder: Promise<string> | undefined
  private nextId = 1

  private readonly config: PassConfig
  private readonly memoryBytes: number | undefined
  private readonly platform: Platform | undefined
  private runtime: Promise<BoardRuntime> | undefined

  constructor(options: BuilderOptions = {}) {
    const { parallel = allowedCpus().length, timeout = 10, config = {}, memoryBytes, platform } = options
    this.config = config
    this.memoryBytes = memoryBytes
    this.platform = platform
    this.parallel = parallel
    this.timeoutMs = timeout * 1000
  }

  /** @throws what compiling the boards' runtime throws */
  async build(input: BuildInput, signal?: AbortSignal): Promise<BuildOutcome> {
    this.folder ??= makePrivateFolder('build')
    const folder = await this.folder
    // Once for all trials, of which only the kernel changes.
    if (this.platform) this.runtime ??= compileRuntime(this.platform, folder)
    const runtime = await this.runtime
    const { config, timeoutMs, memoryBytes } = this
    const request: BuildRequest = { ...input, config, runtime, folder, id: this.nextId++ }
    const engine = this.idle.pop() ?? this.start()
    const started = performance.now()
    try {
      return (await engine.run('build', request, { signal, timeoutMs, memoryBytes })) as BuildOutcome
    } catch (error) {
      signal?.throwIfAborted()
      return failureOf(error, started, buildErrors)
    } finally {
      if (engine.alive) this.idle.push(engine)
      else this.engines.delete(engine)
    }
  }

  private start(): Engine {
    const engine = new Engine()
    this.engines.add(engine)
    return engine
  }

  /** Ends the processes and removes what was built. */
  async dispose(): Promise<void> {
    for (const engine of this.engines) engine.kill()
    this.engines.clear()
    this.idle.length = 0
    const folder = await this.folder
    if (folder) await removePrivateFolder(folder)
  }
}
