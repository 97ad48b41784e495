import { readFile, rm } from 'node:fs/promises'
import { ScheduleHistory } from '../auto-scheduler/history.js'
import { findCCompiler } from '../c-compiler.js'
import { TvmNodeError } from '../errors.js'
import { type ImportedModel, importRead } from '../frontend/onnx/import.js'
import { type OnnxModel, readModel } from '../frontend/onnx/model.js'
import { ConstantTrace } from '../ir/constant-trace.js'
import { asText } from '../ir/relay.js'
import { target as makeTarget, type Target } from '../ir/target.js'
import { TraceHistory } from '../meta-schedule/history.js'
import type { DesiredLayouts } from '../ops/desired-layouts.js'
import { notingSchedules } from '../ops/lower-call.js'
import { registerOperators } from '../ops/register.js'
import type { TaskContext } from '../process/protocol.js'
import { libraryVersion, openLibrary } from '../runtime/index.js'
import { recordFiles } from '../schedule-config/database.js'
import { ApplyHistoryBest, withDispatchContext } from '../schedule-config/dispatch.js'
import type { LoweringConfig } from '../schedule-config/function-history.js'
import { readRecordLog } from '../schedule-config/log.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { loadTemplates } from '../schedule-config/user-templates.js'
import {
  ARTIFACT_FORMAT,
  type ArtifactMetadata,
  type ArtifactPieces,
  writeArtifact,
} from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { parameterPieces } from '../session/parameters.js'
import { packageVersion } from '../version.js'
import type { Alignment } from './aot/alignment.js'
import { boardProgram } from './aot/board-program.js'
import { generateAot } from './aot/code.js'
import { exportAot } from './aot/export.js'
import type { ExportFormat } from './aot/export-format.js'
import { lowerAot } from './aot/lower.js'
import { interfaceOf } from './aot/names.js'
import { type BuildOptions, lowerGraph, optimizeRelay } from './build.js'
import { generateObjects, writeObjects } from './codegen.js'
import { hostedProgram } from './hosted-program.js'
import { linkSharedLibrary } from './link.js'
import { identifyModel } from './model-identity.js'
import { recordProgram } from './parameters/program.js'
import { programMembers, Reusable, type ReuseKey, reuseKey } from './parameters/reuse.js'
import { isQuantized } from './quantization/lower.js'
import { lowerVm, needsMachine } from './vm.js'

/** What is to run a network; `auto` lets the model decide. */
export type RequestedExecutor = 'auto' | ArtifactMetadata['executor']

/** What is made of a model. */
export type CompileFormat = 'artifact' | ExportFormat

export interface CompileRequest {
  /** Absolute path of the model. */
  readonly model: string
  /** Where to write the artifact. */
  readonly output: string
  /** A private folder for intermediate files. */
  readonly folder: string
  /** `artifact` is for sessions, the others for other programs. */
  readonly format: CompileFormat
  /** The network's name in generated C, where it is for the ahead-of-time executor. */
  readonly moduleName: string
  readonly target: string
  readonly optLevel: number
  /**
   * `vm` leaves all dimensions open that the model leaves open; `auto` does so where one beside the batch is. Formats other than
   * `artifact` are for `aot`.
   */
  readonly executor: RequestedExecutor
  readonly shapes: Readonly<Record<string, readonly number[] | null>>
  /** Inputs fixed to a value. */
  readonly constants: NamedTensors
  /** Pass options. */
  readonly config: Readonly<Record<string, boolean | number | string>>
  readonly desiredLayouts: DesiredLayouts
  /** For `aot`. */
  readonly alignment: Alignment
  /** Tuning records, and absolute paths of logs. */
  readonly records: readonly (string | TuningRecord)[]
  /** A compiler that links, in place of the bundle's `lld`. */
  readonly linker?: string | undefined
  /** Absolute paths of modules that register templates. */
  readonly templates: readonly string[]
  /** Whether to record what `reuse` needs. */
  readonly reusable?: boolean
  /** Path of an artifact whose code to use again where only weights differ. */
  readonly reuse?: string | undefined
}

export interface CompileResult {
  readonly metadata: ArtifactMetadata
  /** `parameters` where code was used again. */
  readonly rebuilt: 'all' | 'parameters'
  readonly warnings: readonly string[]
  /** Files in which the model keeps data, relative to its folder. */
  readonly external: readonly string[]
}

/** Kinds of targets that code can be generated for: the operator library has schedules for processors only. */
const generated = ['llvm', 'c']

function checkGenerates({ kind }: Target): void {
  if (generated.includes(kind)) return
  throw new TvmNodeError(
    'ERR_UNKNOWN_TARGET',
    `no code can be generated for targets of kind '${kind}' yet; possible are ${generated.join(', ')}`,
    { details: { value: kind, valid: generated } },
  )
}

/** The share of the work that is typically done when a phase begins. */
const reached = { import: 0, optimize: 0.05, codegen: 0.3, link: 0.95, write: 0.97 }
/** Within `codegen`, when all operators are lowered. */
const LOWERED = 0.6
type CompilePhase = keyof typeof reached

/** The engine's side of `compile`: model file to artifact file. */
export async function run(request: CompileRequest, { progress }: TaskContext): Promise<CompileResult> {
  const report = (phase: CompilePhase, step?: string, fraction: number = reached[phase]) =>
    progress({ type: 'phase', phase, fraction, ...(step && { step }) })
  openLibrary({ kind: 'compiler' })
  registerOperators()
  const target = makeTarget(request.target)
  checkGenerates(target)
  if (request.executor === 'host' && target.kind !== 'c')
    throw new TvmNodeError(
      'ERR_UNKNOWN_TARGET',
      `operators for a board's program are generated as C; the target is '${request.target}'`,
      { details: { value: target.kind, valid: ['c'] } },
    )
  if (target.kind === 'c' && !isProgram(request)) await findCCompiler()
  report('import')
  const model = readModel(request.model)
  const key = request.reusable ? await keyOf(request, model, target) : undefined
  const before = await Reusable.open(request.reuse, key)
  const derived = before?.derive(model)
  if (before && derived) return finish(request, model, before.metadata, derived, 'parameters', [])

  const trace = key && new ConstantTrace()
  const tracing = <T>(body: () => T) => (trace ? trace.during(body) : body())
  const { func, inputs, outputs, structure, assumed } = tracing(() =>
    importRead(model, { ...request, open: opensFor(request) }),
  )
  await loadTemplates(request.templates)
  const logs = request.records.map((each) =>
    typeof each === 'string' ? readRecordLog(each) : { records: [each], problems: [] },
  )
  const records = logs.flatMap((log) => log.records)
  const searched = [new ScheduleHistory(records, target), new TraceHistory(records, target)]
  const history = new ApplyHistoryBest(records.filter((each) => !searched.some((known) => known.takes(each))))
  const warnings = () => [
    ...logs.flatMap(({ problems }) => problems),
    ...history.problems,
    ...searched.flatMap(({ problems }) => problems),
  ]
  const { optLevel, config, desiredLayouts } = request
  const options = { optLevel, config, desiredLayouts, onStep: report }
  const mod = withDispatchContext(history, () => tracing(() => optimizeRelay(func, target, options)))
  const adopted = before?.adopt(mod)
  if (before && adopted) return finish(request, model, before.metadata, adopted, 'parameters', warnings())

  const onObject = (done: number, total: number) => {
    const share = done / total
    report('codegen', `${done} of ${total}`, LOWERED * (1 - share) + reached.link * share)
  }
  const { version, commit } = libraryVersion()
  const about = {
    format: ARTIFACT_FORMAT,
    createdBy: packageVersion,
    target: String(target),
    cpuFeatures: target.cpuFeatures,
    libraryVersion: version,
    libraryCommit: commit,
    optLevel: request.optLevel,
    inputs,
    outputs,
    assumed,
    ...(isNested(structure) && { structure }),
    ...(isQuantized(func) && { quantized: true }),
  }
  const lowering = <T>(lower: (settings: BuildOptions) => T) =>
    withDispatchContext(history, () =>
      notingSchedules(() => {
        const applying = searched
          .filter(({ isEmpty }) => !isEmpty)
          .reduce<(config: LoweringConfig) => T>(
            (next, each) => (config) => each.during(config, next),
            (config) => lower({ ...options, config }),
          )
        return applying(options.config)
      }),
    )
  const scheduled = () => searched.flatMap(({ schedules }) => schedules)
  if (request.executor === 'aot') {
    const { built: network, schedules } = lowering((settings) =>
      lowerAot(mod, target, interfaceOf(request.moduleName, inputs, outputs), {
        ...settings,
        alignment: request.alignment,
      }),
    )
    const { format, output, folder } = request
    const metadata = {
      ...about,
      executor: 'aot' as const,
      schedules: [...schedules, ...scheduled()],
    }
    if (format !== 'artifact') {
      await exportAot(network, { format, output, folder, relay: asText(mod), onObject })
      const complete = { ...metadata, ...(await identifyModel(request.model)), members: {} }
      return { metadata: complete, rebuilt: 'all', warnings: warnings(), external: [...model.external] }
    }
    const code = await generateAot(network, folder, onObject)
    report('write')
    return finish(request, model, metadata, boardProgram(network, code), 'all', warnings())
  }
  if (needsMachine(mod)) {
    const { built: program, schedules } = lowering((settings) =>
      lowerVm(mod, target, settings, request.folder),
    )
    const objects = await writeObjects(program.module, request.folder, 'program')
    report('link')
    const library = await linkSharedLibrary(objects, request.folder, 'lib', request.linker)
    report('write')
    const metadata = { ...about, executor: 'vm' as const, schedules: [...schedules, ...scheduled()] }
    const members = { 'program.vm': [program.bytecode], 'lib.so': [await readFile(library)] }
    await rm(library, { force: true })
    return finish(request, model, metadata, members, 'all', warnings())
  }
  const { built: lowered, schedules } = lowering((settings) => lowerGraph(mod, target, settings))
  if (request.executor === 'host') {
    report('write')
    const metadata = { ...about, executor: 'host' as const, schedules: [...schedules, ...scheduled()] }
    return finish(request, model, metadata, hostedProgram(lowered, inputs), 'all', warnings())
  }
  const { graph, params } = lowered
  const objects = await generateObjects(lowered, request.folder, onObject)
  report('link')
  const library = await linkSharedLibrary(objects, request.folder, 'lib', request.linker)
  report('write')
  const metadata = {
    ...about,
    executor: 'graph' as const,
    schedules: [...schedules, ...scheduled()],
  }
  const members = {
    'graph.json': [Buffer.from(graph)],
    'params.bin': parameterPieces(params),
    'lib.so': [await readFile(library)],
    ...(trace && key && programMembers(recordProgram(trace, mod, params, key))),
  }
  await rm(library, { force: true })
  return finish(request, model, metadata, members, 'all', warnings())
}

function isProgram({ executor }: Pick<CompileRequest, 'executor'>): boolean {
  return executor === 'aot' || executor === 'host'
}

/** Which open dimensions stay open. */
function opensFor({ executor }: CompileRequest): 'all' | 'needed' | 'none' {
  if (isProgram({ executor }) || executor === 'graph') return 'none'
  return executor === 'vm' ? 'all' : 'needed'
}

/** Everything that a build depends on. */
function keyOf(request: CompileRequest, model: OnnxModel, target: Target): Promise<ReuseKey | undefined> {
  const { optLevel, executor, shapes, constants, config, desiredLayouts, alignment } = request
  const { records, templates } = request
  const { commit } = libraryVersion()
  const given = records.filter((each) => typeof each !== 'string')
  const logs = records.filter((each) => typeof each === 'string')
  const text = String(target)
  const settings = {
    packageVersion,
    commit,
    target: text,
    optLevel,
    executor,
    shapes,
    constants,
    config,
    desiredLayouts,
    alignment,
    records: given,
  }
  return reuseKey(model, settings, [...logs.flatMap(recordFiles), ...templates])
}

/** Writes the artifact. */
async function finish(
  request: CompileRequest,
  { external }: OnnxModel,
  about: Omit<ArtifactMetadata, 'name' | 'modelHash' | 'members'>,
  members: ArtifactPieces,
  rebuilt: CompileResult['rebuilt'],
  warnings: readonly string[],
): Promise<CompileResult> {
  const metadata = { ...about, ...(await identifyModel(request.model)) }
  const complete = await writeArtifact(request.output, metadata, members)
  return { metadata: complete, rebuilt, warnings, external: [...external] }
}

function isNested({ inputs, outputs }: ImportedModel['structure']): boolean {
  return Object.keys(inputs).length + Object.keys(outputs).length > 0
}
