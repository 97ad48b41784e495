import { buildSchedule } from '../compile/build-schedule.js'
import { writeObjects } from '../compile/codegen.js'
import { linkSharedLibrary } from '../compile/link.js'
import { isTvmNodeError } from '../errors.js'
import { target as makeTarget, type Target } from '../ir/target.js'
import { registerOperators } from '../ops/register.js'
import { openLibrary } from '../runtime/index.js'
import { ConfigEntity, type PlainConfig } from '../schedule-config/config-entity.js'
import { TrialError } from '../schedule-config/record.js'
import { type Instance, instantiate } from '../schedule-config/template.js'
import { loadTemplates } from '../schedule-config/user-templates.js'
import type { Workload } from '../schedule-config/workload.js'
import type { BuildInput, BuildOutcome } from './trial.js'

export interface BuildRequest extends BuildInput {
  /** An existing folder of this builder's own. */
  readonly folder: string
  /** Distinguishes the files of one build. */
  readonly id: number
}

/** A candidate of autotvm. */
export interface TemplateCandidate {
  readonly workload: Workload
  readonly config: PlainConfig
}

/** Ways of tuning, with how each makes a scheduled computation of a candidate. */
const kinds: Readonly<Record<string, (candidate: never, target: Target) => Instance>> = {
  autotvm: ({ workload, config }: TemplateCandidate, target) =>
    instantiate(workload, ConfigEntity.fromPlain(config), target),
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
    const instance = kinds[request.kind]?.(request.candidate as never, target)
    if (!instance) throw new Error(`a builder knows no way of tuning '${request.kind}'`)
    error = TrialError.COMPILE_HOST
    const args = instance.args.map(({ shape, dtype }) => ({ shape, dtype }))
    const module = buildSchedule(instance, target)
    const name = `trial${request.id}`
    const objects = await writeObjects(module, request.folder, name)
    const path = await linkSharedLibrary(objects, request.folder, name)
    return { path, args, elapsed: elapsed() }
  } catch (cause) {
    // Instances are refused late where an intrinsic or an extent turns out not to fit.
    if (isTvmNodeError(cause, 'ERR_INVALID_CONFIG')) error = TrialError.INSTANTIATION
    return { error, message: (cause as Error).message, elapsed: elapsed() }
  }
}

function parseTarget(text: string): Target {
  const known = targets.get(text) ?? makeTarget(text)
  targets.set(text, known)
  return known
}
