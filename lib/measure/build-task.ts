import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ComputeDag } from '../auto-scheduler/dag.js'
import { parseState } from '../auto-scheduler/state.js'
import {
  argsOf,
  buildFunction,
  buildSchedule,
  buildUnlowered,
  namedAs,
  OPERATOR,
} from '../compile/build-schedule.js'
import { sourceOf } from '../compile/c/source.js'
import { writeObjects } from '../compile/codegen.js'
import { linkSharedLibrary } from '../compile/link.js'
import { isTvmNodeError } from '../errors.js'
import { target as makeTarget, type Target } from '../ir/target.js'
import { dotProductIntrinsic } from '../meta-schedule/intrinsics.js'
import {
  applyTrace,
  type DescribedModule,
  functionOf,
  moduleOf,
  parseModule,
} from '../meta-schedule/program.js'
import { type BoardRuntime, linkProgram } from '../micro/firmware.js'
import { operatorTable } from '../micro/operator-table.js'
import { registerOperators } from '../ops/register.js'
import { loadJSON, type Module, openLibrary, type TvmObject } from '../runtime/index.js'
import { ConfigEntity, type PlainConfig } from '../schedule-config/config-entity.js'
import { TrialError } from '../schedule-config/record.js'
import type { MeasureInput } from '../schedule-config/search-record.js'
import { type Instance, instantiate } from '../schedule-config/template.js'
import type { Trace } from '../schedule-config/trace-record.js'
import { loadTemplates } from '../schedule-config/user-templates.js'
import type { TensorArg, Workload } from '../schedule-config/workload.js'
import type { BuildInput, BuildOutcome } from './trial.js'

export type PassConfig = Readonly<Record<string, boolean | number | string>>

export interface BuildRequest extends BuildInput {
  /** An existing folder of this builder's own. */
  readonly folder: string
  /** Pass options. */
  readonly config: PassConfig
  /** The runtime of boards without an operating system: what is built is a program for them. */
  readonly runtime?: BoardRuntime | undefined
  /** Distinguishes the files of one build. */
  readonly id: number
}

/** A candidate of autotvm. */
export interface TemplateCandidate {
  readonly workload: Workload
  readonly config: PlainConfig
}

/** A schedule of auto_scheduler: the computation as JSON of the library, and what is done to it. */
export interface ScheduleCandidate {
  readonly definition: string
  readonly input: MeasureInput
}

/** A schedule of MetaSchedule: the function and what is done to it. */
export interface TraceCandidate {
  readonly definition: DescribedModule
  readonly trace: Trace
}

/** A lowered function, as JSON of the library. */
export interface LoweredCandidate {
  readonly func: string
}

/** What a candidate is made to: code is generated in a second step, which has errors of its own. */
interface Prepared {
  readonly args: readonly TensorArg[]
  readonly generate: (config: PassConfig) => Module
}

/** Ways of tuning, with what each makes of a candidate. */
const kinds: Readonly<Record<string, (candidate: never, target: Target) => Prepared>> = {
  autotvm: ({ workload, config }: TemplateCandidate, target) =>
    scheduled(instantiate(workload, ConfigEntity.fromPlain(config), target), target),
  auto_scheduler: ({ definition, input }: ScheduleCandidate, target) =>
    scheduled(computation(definition).apply(parseState(input)), target),
  meta_scheduler: ({ definition, trace }: TraceCandidate, target) => {
    dotProductIntrinsic(target)
    const func = functionOf(moduleOf(applyTrace(moduleNamed(definition), trace)))
    return {
      args: argsOf(func),
      generate: (config) => buildUnlowered(namedAs(func, OPERATOR), target, config),
    }
  },
  lowered: ({ func }: LoweredCandidate, target) => {
    const named = namedAs(loadJSON(func) as TvmObject, OPERATOR)
    return { args: argsOf(named), generate: (config) => buildFunction(named, target, config) }
  },
}

function scheduled(instance: Instance, target: Target): Prepared {
  return {
    args: instance.args.map(({ shape, dtype }) => ({ shape, dtype })),
    generate: (config) => buildSchedule(instance, target, config),
  }
}

const computations = new Map<string, ComputeDag>()

function computation(definition: string): ComputeDag {
  const known = computations.get(definition) ?? ComputeDag.load(definition)
  computations.set(definition, known)
  return known
}

const modules = new Map<string, TvmObject>()

function moduleNamed(definition: DescribedModule): TvmObject {
  const known = modules.get(definition.hash) ?? parseModule(definition)
  modules.set(definition.hash, known)
  return known
}

const targets = new Map<string, Target>()

/** The engine's side of a builder. */
export async function run(request: BuildRequest): Promise<BuildOutcome> {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let error: TrialError = TrialError.INSTANTIATION
  try {
    openLibrary({ kind: 'compiler' })
    registerOperators()
    await loadTemplates(request.templates ?? [])
    const target = parseTarget(request.target)
    const prepared = kinds[request.kind]?.(request.candidate as never, target)
    if (!prepared) throw new Error(`a builder knows no way of tuning '${request.kind}'`)
    error = TrialError.COMPILE_HOST
    const { args } = prepared
    const module = prepared.generate(request.config)
    const path = await link(module, request)
    return { path, args, elapsed: elapsed() }
  } catch (cause) {
    // Instances are refused late where an intrinsic or an extent turns out not to fit.
    if (isTvmNodeError(cause, 'ERR_INVALID_CONFIG')) error = TrialError.INSTANTIATION
    return { error, message: (cause as Error).message, elapsed: elapsed() }
  }
}

/** The file that is run: a program with the kernel in it for boards without an operating system, else a shared library. */
async function link(module: Module, { folder, id, runtime }: BuildRequest): Promise<string> {
  const name = `trial${id}`
  if (!runtime) return linkSharedLibrary(await writeObjects(module, folder, name), folder, name)
  const files = {
    'src/kernel.c': Buffer.from(sourceOf(module)),
    'src/model.c': Buffer.from(operatorTable([OPERATOR])),
  }
  const own = join(folder, name)
  await mkdir(own)
  try {
    const { image } = await linkProgram(files, runtime, own)
    const path = `${own}.elf`
    await rename(image, path)
    return path
  } finally {
    await rm(own, { recursive: true })
  }
}

function parseTarget(text: string): Target {
  const known = targets.get(text) ?? makeTarget(text)
  targets.set(text, known)
  return known
}
