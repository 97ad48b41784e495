import { TvmNodeError } from '../errors.js'
import { type Target, withTarget } from '../ir/target.js'
import { placeholder, type Schedule, type Tensor } from '../ir/te.js'
import { nearest } from '../nearest.js'
import type { Config } from './config.js'
import type { ConfigEntity } from './config-entity.js'
import { ConfigSpace } from './config-space.js'
import { type PlainArg, type TemplateArg, tensorArg, type Workload } from './workload.js'

/**
 * How to compute and schedule one kind of operator, with its choices left to a configuration. Both functions define their
 * knobs on it before they read them; the knobs in the order of their definition make up the space.
 */
export interface Template {
  /** As in records, for example `dense_pack.x86`. */
  readonly name: string
  /** The computation, in TVM's tensor expressions. */
  readonly compute: (config: Config, args: readonly TemplateArg[], target: Target) => Tensor[]
  /** `outputs` may come after the computation: what is fused with it. */
  readonly schedule: (config: Config, outputs: readonly Tensor[], target: Target) => Schedule
  /** A good configuration by reasoning, for when there is no record. It may lie outside the space. */
  readonly defaults: (args: readonly PlainArg[], target: Target) => ConfigEntity
}

const templates = new Map<string, Template>()

/** Makes a template known by its name; a later one of the same name replaces it. */
export function registerTemplate(template: Template): Template {
  templates.set(template.name, template)
  return template
}

/** @throws `ERR_UNKNOWN_TEMPLATE` with the nearest known name */
export function getTemplate(name: string): Template {
  const found = templates.get(name)
  if (found) return found
  const near = nearest(name, [...templates.keys()])
  throw new TvmNodeError(
    'ERR_UNKNOWN_TEMPLATE',
    `there is no template '${name}'${near ? `; did you mean '${near}'?` : ''}`,
    { details: { name, nearest: near } },
  )
}

export function hasTemplate(name: string): boolean {
  return templates.has(name)
}

/** A template applied to placeholders of its own. */
export interface Instance {
  readonly schedule: Schedule
  /** Outputs, then inputs: the arguments of the built function, in TVM's order. */
  readonly args: readonly Tensor[]
}

/** Computes and schedules a workload by itself. @throws `ERR_INVALID_CONFIG`, `ERR_TVM`, `ERR_UNKNOWN_TEMPLATE` */
export function instantiate({ task, args }: Workload, config: Config, target: Target): Instance {
  const template = getTemplate(task)
  return withTarget(target, () => {
    let count = 0
    const live = (arg: PlainArg): TemplateArg => {
      const tensor = tensorArg(arg)
      if (tensor) return placeholder(tensor.shape, tensor.dtype, `arg${count++}`)
      return Array.isArray(arg) ? arg.map(live) : (arg as TemplateArg)
    }
    const outputs = template.compute(config, args.map(live), target)
    const schedule = template.schedule(config, outputs, target)
    return { schedule, args: [...outputs, ...placeholdersOf(outputs)] }
  })
}

/** The space of a workload's configurations. */
export function configSpace(workload: Workload, target: Target): ConfigSpace {
  const space = new ConfigSpace()
  instantiate(workload, space, target)
  return space
}

/** Breadth first, as TVM orders the arguments of a measured function. */
function placeholdersOf(outputs: readonly Tensor[]): Tensor[] {
  const found: Tensor[] = []
  const seen = new Set<number>()
  const queue = [...outputs]
  for (let tensor = queue.shift(); tensor; tensor = queue.shift()) {
    for (const input of tensor.op.inputs) {
      if (seen.has(input.op.address)) continue
      seen.add(input.op.address)
      if (input.op.typeKey === 'PlaceholderOp') found.push(input)
      else queue.push(input)
    }
  }
  return found
}
