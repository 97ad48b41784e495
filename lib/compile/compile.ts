import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { copyWhole, writeWhole } from '../files.js'
import { type Limits, restOf } from '../limits.js'
import { type DesiredLayouts, desiredLayoutsSchema } from '../ops/desired-layouts.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'
import { makePrivateFolder, removePrivateFolder, writePrivate } from '../private-folders.js'
import { runInEngine } from '../process/engine.js'
import { memoryLimit } from '../process/engine-limits.js'
import type { ProgressEvent } from '../process/protocol.js'
import type { TuningRecord } from '../schedule-config/record.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { isTensor, type Tensor } from '../tensor.js'
import { chromeTrace, type TracedResult } from './analysis/trace.js'
import { alignmentSchema, defaultAlignment } from './aot/alignment.js'
import { exportFormats } from './aot/export-format.js'
import { BuildCache } from './cache/build-cache.js'
import type { CacheOptions } from './cache/store.js'
import type { CompileFormat, CompileRequest, CompileResult, RequestedExecutor } from './task.js'
import { compareBuilds, type Verification, type VerifyOptions } from './verify.js'

/** How a model is compiled. */
export interface CompileOptions extends Limits {
  /** TVM's target notation; default `llvm -mcpu=native`, this machine's CPU with what it really has. */
  readonly target?: string
  /**
   * What is made: an `artifact` for sessions (the default), TVM's Model Library Format (`mlf`), or a `project` of C: an archive
   * (tar) with sources or objects, a header with typed inputs and outputs, and files for Make and CMake. The last two are for the
   * ahead-of-time executor with the C interface, on boards and in programs without a runtime.
   */
  readonly format?: CompileFormat
  /** The network's name in generated C, for the ahead-of-time executor; default `default`, as TVM has it. */
  readonly moduleName?: string
  /** 0 to 4; default 3. */
  readonly optLevel?: number
  /**
   * What runs the network. `graph` needs all extents, `vm` (Relay's virtual machine) takes inputs of any extent where the model leaves
   * a dimension open. The default, `auto`, is `vm` for models with an open dimension beside the batch; a batch alone that is
   * neither pinned by `shapes` nor left open by `vm` is 1. `aot` and `host` are for boards without an operating system (targets of kind
   * `c`): the artifact holds the code from which the board's program is built, of the whole network, or of its operators alone, whose
   * graph this machine then executes through the session.
   */
  readonly executor?: RequestedExecutor
  /** Shapes of inputs that the model leaves open, by name. */
  readonly shapes?: Readonly<Record<string, readonly number[] | null>>
  /**
   * Inputs to fix to a value: they become constants and are no inputs of the artifact. Needed for inputs on whose values
   * shapes depend.
   */
  readonly constants?: NamedTensors
  /** TVM's pass options, for example `{ 'tir.disable_vectorize': true }`. */
  readonly config?: Readonly<Record<string, boolean | number | string>>
  /**
   * Layouts of operators by name, as [data, kernel], in place of the plain ones that ONNX has and the library's own choice: for example
   * `{ 'nn.conv2d': ['NHWC', 'default'] }`. For convolutions and pooling; `default` is what follows. Names of quantised operators
   * (`qnn.conv2d`) mean the plain ones, which they become.
   */
  readonly desiredLayouts?: DesiredLayouts
  /** Bytes that tensors in the workspace and constants are aligned to, for `aot`; powers of two, default 8 each. */
  readonly alignment?: { readonly workspace?: number; readonly constants?: number }
  /** Tuning records, or logs or folders of them in TVM's format; the best record of each operator is applied. */
  readonly records?: string | readonly (string | TuningRecord)[]
  /** A C or C++ compiler for the target that links, in place of the bundle's `lld`. */
  readonly linker?: string | undefined
  /** Modules that register templates of your own (see `registerTemplate`), as paths. */
  readonly templates?: readonly string[]
  /** Whether the artifact records what `reuse` needs; default false. */
  readonly reusable?: boolean
  /**
   * An artifact that was built as `reusable` with the same options. Where the model has the same graph and only other weights, its code
   * is used again and only the parameters are computed, to the same bits; else everything is built. Implies `reusable`.
   */
  readonly reuse?: string | { readonly path: string }
  /**
   * Whether networks compiled before are taken from the per-user cache, and new ones kept there; default true. Builds with
   * `templates` never are.
   */
  readonly cache?: boolean | CacheOptions
  /**
   * Whether the network is compared with a second build at optimisation level 0 and without records, on random inputs; default false.
   * For formats and targets that run here.
   */
  readonly verify?: boolean | VerifyOptions
  /**
   * File for a trace of the compilation, with every pass, as Chrome, Perfetto and speedscope read it (JSON). The network is then compiled
   * also if it was before.
   */
  readonly trace?: string
  /**
   * Bytes of memory that the process that compiles may take with what it starts; `ERR_MEMORY_LIMIT` beyond. It is looked at ten
   * times a second. Default that of `limitEngines`.
   */
  readonly memoryBytes?: number
  /** How much the compilation gives way to other work, from 0 (default) to 19, as processes' nice values. */
  readonly niceness?: number
  /** Hears the steps of compiling. */
  readonly onProgress?: (event: ProgressEvent) => void
}

const optionsSchema = optionSchema({
  target: z.string(),
  format: z.enum(['artifact', ...exportFormats]),
  moduleName: z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be a name in C, in small letters'),
  optLevel: z.int().min(0).max(4),
  executor: z.enum(['auto', 'graph', 'vm', 'aot', 'host']),
  shapes: z.record(z.string(), z.array(z.int().min(-1)).nullable()),
  constants: z.record(z.string(), z.custom<Tensor>(isTensor, 'must be a tensor')),
  config: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
  desiredLayouts: desiredLayoutsSchema,
  alignment: optionSchema({ workspace: alignmentSchema, constants: alignmentSchema }),
  records: z.union([z.string(), z.array(z.union([z.string(), z.looseObject({})]))]),
  linker: z.string(),
  templates: z.array(z.string()),
  reusable: z.boolean(),
  trace: z.string(),
  verify: z.union([
    z.boolean(),
    optionSchema({
      seed: z.int(),
      rounds: z.int().min(1),
      shapes: z.record(z.string(), z.array(z.int().min(1))),
    }),
  ]),
  niceness: z.int().min(0).max(19),
  memoryBytes: memoryLimit(),
  reuse: z.union([z.string(), z.object({ path: z.string() })]),
  cache: z.union([z.boolean(), optionSchema({ dir: z.string(), maxBytes: z.number().min(0) })]),
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
    /** `parameters` where the code of `reuse` served again. */
    readonly rebuilt: 'all' | 'parameters',
    /** Whether it was compiled before and comes from the cache. */
    readonly fromCache: boolean,
    /** How its outputs compare with those of a build at optimisation level 0; undefined unless `verify` asked for it. */
    readonly verification: Verification | undefined,
  ) {}

  /** What runs the network: see `CompileOptions.executor`. */
  get executor(): ArtifactMetadata['executor'] {
    return this.metadata.executor
  }

  /** @internal */
  static at(
    path: string,
    { metadata, warnings, rebuilt }: CompileResult,
    fromCache: boolean,
    verification?: Verification,
  ): Artifact {
    return new Artifact(path, metadata, warnings, rebuilt, fromCache, verification)
  }

  /**
   * Writes the artifact to `path`, whole or not at all.
   *
   * @throws `ERR_WRITE_FAILED`; what was at `path` before is still there.
   */
  async save(path: string): Promise<void> {
    await copyWhole(this.path, path)
  }

  /** Removes the file of its own; what was saved stays. */
  async dispose(): Promise<void> {
    await removePrivateFolder(dirname(this.path))
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/**
 * Compiles an ONNX model, given as a path or as bytes, in a process of its own. An abort ends that process within two seconds.
 *
 * @throws `ERR_INVALID_ARGUMENT`, `ERR_MODEL_READ`, `ERR_NOT_ONNX`, `ERR_UNKNOWN_TARGET`, `ERR_ENGINE_CRASHED`, `ERR_MEMORY_LIMIT`, `ERR_TIMEOUT`,
 * `ERR_NO_BUNDLE`, `ERR_VERIFICATION` and the importer's errors
 */
export async function compile(model: string | Uint8Array, options: CompileOptions = {}): Promise<Artifact> {
  if (typeof model !== 'string' && !(model instanceof Uint8Array)) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `compile takes a path or bytes, got ${typeof model}`)
  }
  checkOptions(optionsSchema, options, 'compile')
  const { target = 'llvm -mcpu=native', optLevel = 3, shapes = {}, constants = {}, config = {} } = options
  const { desiredLayouts = {} } = options
  const { signal, timeoutMs, onProgress, niceness = 0, memoryBytes, format = 'artifact' } = options
  signal?.throwIfAborted()
  if (options.verify && format !== 'artifact') {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `compile: verify is for artifacts, the format is '${format}'`,
    )
  }
  const begun = performance.now()
  const folder = await makePrivateFolder()
  try {
    const source = typeof model === 'string' ? resolve(model) : join(folder, 'model.onnx')
    if (typeof model !== 'string') await writePrivate(source, model)
    const request: CompileRequest = {
      model: source,
      output: join(folder, 'artifact.tvm'),
      folder,
      format,
      moduleName: options.moduleName ?? 'default',
      target,
      optLevel,
      executor: format === 'artifact' ? (options.executor ?? 'auto') : 'aot',
      shapes,
      constants,
      config,
      desiredLayouts,
      alignment: { ...defaultAlignment, ...options.alignment },
      records: [options.records ?? []]
        .flat()
        .map((each) => (typeof each === 'string' ? resolve(each) : each)),
      linker: options.linker,
      templates: (options.templates ?? []).map((path) => resolve(path)),
      reusable: options.reusable ?? options.reuse !== undefined,
      reuse:
        options.reuse === undefined
          ? undefined
          : resolve(typeof options.reuse === 'string' ? options.reuse : options.reuse.path),
    }
    const { trace } = options
    const cache =
      format === 'artifact' && trace === undefined && BuildCache.for(request, options.cache ?? true)
    const limits = { signal, timeoutMs, onProgress, niceness, memoryBytes }
    const build = async () =>
      trace === undefined
        ? ((await runInEngine('compile', request, limits)) as CompileResult)
        : writeTrace(trace, (await runInEngine('compile-traced', request, limits)) as TracedResult)
    const { result, fromCache } = cache
      ? await cache.findOrBuild(request, build, { signal, timeoutMs })
      : { result: await build(), fromCache: false }
    if (!options.verify) return Artifact.at(request.output, result, fromCache)
    const report = (step?: string) =>
      onProgress?.({ type: 'phase', phase: 'verify', ...(step !== undefined && { step }) })
    report()
    await using plain = await compile(source, {
      ...plainOptions(options),
      ...restOf({ signal, timeoutMs }, begun),
      onProgress: ({ phase, step = phase }) => report(step),
    })
    const settings = options.verify === true ? {} : options.verify
    const left = restOf({ signal, timeoutMs }, begun)
    const verification = await compareBuilds(request.output, plain.path, settings, left)
    return Artifact.at(request.output, result, fromCache, verification)
  } catch (error) {
    await removePrivateFolder(folder)
    throw outOfSpace(error) ?? error
  }
}

async function writeTrace(path: string, { spans, ...result }: TracedResult): Promise<CompileResult> {
  await writeWhole(path, [Buffer.from(chromeTrace(spans, result.metadata.name))])
  return result
}

/** The same network as simply as can be. */
function plainOptions({ reuse, records, verify, trace, ...same }: CompileOptions): CompileOptions {
  return { ...same, optLevel: 0, reusable: false }
}

/** LLVM ends its process when it cannot write an object file. */
function outOfSpace(error: unknown): TvmNodeError | undefined {
  if (!isTvmNodeError(error, 'ERR_ENGINE_CRASHED')) return undefined
  const reason = /IO failure on output stream: (.*)/.exec(String(error.details.stderr))?.[1]
  if (reason === undefined) return undefined
  return new TvmNodeError('ERR_WRITE_FAILED', `cannot write intermediate files in ${tmpdir()}: ${reason}`, {
    cause: error,
    details: { path: tmpdir() },
  })
}
