import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { copyFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'
import { runInEngine } from '../process/engine.js'
import type { ProgressEvent } from '../process/protocol.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { isTensor, type Tensor } from '../tensor.js'
import type { CompileRequest, CompileResult } from './task.js'

export interface CompileOptions extends Limits {
  /** TVM's target notation; default `llvm -mcpu=native`, this machine's CPU with what it really has. */
  readonly target?: string
  /** 0 to 4; default 3. */
  readonly optLevel?: number
  /** Shapes of inputs that the model leaves open, by name. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>
  /**
   * Inputs to fix to a value: they become constants and are no inputs of the artifact. Needed for inputs on whose values
   * shapes depend.
   */
  readonly constants?: NamedTensors
  /** TVM's pass options, for example `{ 'tir.disable_vectorize': true }`. */
  readonly config?: Readonly<Record<string, boolean | number | string>>
  /** Logs of tuning records, in TVM's format; the best record of each operator is applied. */
  readonly records?: string | readonly string[]
  /** Modules that register templates of your own (see `registerTemplate`), as paths. */
  readonly templates?: readonly string[]
  readonly onProgress?: (event: ProgressEvent) => void
}

const optionsSchema = optionSchema({
  target: z.string(),
  optLevel: z.int().min(0).max(4),
  shapes: z.record(z.string(), z.array(z.int().min(-1))),
  constants: z.record(z.string(), z.custom<Tensor>(isTensor, 'must be a tensor')),
  config: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
  records: z.union([z.string(), z.array(z.string())]),
  templates: z.array(z.string()),
  onProgress: z.instanceof(Function),
  ...limitOptions,
})

/** A compiled network: a file of its own until it is saved somewhere, removed when the process ends. */
export class Artifact {
  private constructor(
    /** Where the artifact is now. */
    readonly path: string,
    readonly metadata: ArtifactMetadata,
    /** What the compilation had to leave out, for people: damaged records, records that do not apply. */
    readonly warnings: readonly string[],
  ) {}

  /** @internal */
  static at(path: string, { metadata, warnings }: CompileResult): Artifact {
    scratchFolders.add(dirname(path))
    return new Artifact(path, metadata, warnings)
  }

  /**
   * Writes the artifact to `path`, whole or not at all.
   *
   * @throws `ERR_WRITE_FAILED`; what was at `path` before is still there.
   */
  async save(path: string): Promise<void> {
    const target = resolve(path)
    const scratch = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
    try {
      await copyFile(this.path, scratch)
      const file = await open(scratch, 'r+')
      await file.sync().finally(() => file.close())
      await rename(scratch, target)
    } catch (cause) {
      await rm(scratch, { force: true }).catch(() => undefined)
      throw new TvmNodeError('ERR_WRITE_FAILED', `cannot write ${path}: ${(cause as Error).message}`, {
        cause,
        details: { path },
      })
    }
  }

  /** Removes the file of its own; what was saved stays. */
  async dispose(): Promise<void> {
    scratchFolders.delete(dirname(this.path))
    await rm(dirname(this.path), { recursive: true, force: true })
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

const scratchFolders = new Set<string>()
process.once('exit', () => {
  for (const folder of scratchFolders) rmSync(folder, { recursive: true, force: true })
})

/**
 * Compiles an ONNX model, given as a path or as bytes, in a process of its own. An abort ends that process within two seconds.
 *
 * @throws `ERR_INVALID_ARGUMENT`, `ERR_MODEL_READ`, `ERR_NOT_ONNX`, `ERR_UNKNOWN_TARGET`, `ERR_ENGINE_CRASHED`, `ERR_TIMEOUT`, `ERR_NO_BUNDLE` and the
 * importer's errors
 */
export async function compile(model: string | Uint8Array, options: CompileOptions = {}): Promise<Artifact> {
  const { target = 'llvm -mcpu=native', optLevel = 3, shapes = {}, constants = {}, config = {} } = options
  const { signal, timeoutMs, onProgress } = options
  if (typeof model !== 'string' && !(model instanceof Uint8Array)) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `compile takes a path or bytes, got ${typeof model}`)
  }
  checkOptions(optionsSchema, options, 'compile')
  signal?.throwIfAborted()
  const folder = await mkdtemp(join(tmpdir(), 'tvm-node-'))
  try {
    const source = typeof model === 'string' ? resolve(model) : join(folder, 'model.onnx')
    if (typeof model !== 'string') await writeFile(source, model)
    const request: CompileRequest = {
      model: source,
      output: join(folder, 'artifact.tvm'),
      folder,
      target,
      optLevel,
      shapes,
      constants,
      config,
      records: [options.records ?? []].flat().map((path) => resolve(path)),
      templates: (options.templates ?? []).map((path) => resolve(path)),
    }
    const result = (await runInEngine('compile', request, { signal, timeoutMs, onProgress })) as CompileResult
    return Artifact.at(request.output, result)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
