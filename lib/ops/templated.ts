import type { Target } from '../ir/target.js'
import type { Operation, Tensor } from '../ir/te.js'
import { getGlobalFunc } from '../runtime/index.js'
import { chooseConfig } from '../schedule-config/dispatch.js'
import { getTemplate, type Template } from '../schedule-config/template.js'
import { type PlainArg, plainArgs, type TemplateArg, type Workload } from '../schedule-config/workload.js'
import type { Implementation } from './strategy.js'

/** The attribute of an operation that says which workload it computes; its schedule finds the configuration by it. */
const WORKLOAD = 'workload'

/** An implementation by a template: its configuration comes from the current dispatch context, else by reasoning. */
export function templated(
  template: Template,
  args: readonly TemplateArg[],
  target: Target,
  options: Pick<Implementation, 'plevel' | 'onlyAltered'> = {},
): Implementation {
  const workload: Workload = { task: template.name, args: plainArgs(args) }
  return {
    name: template.name,
    workload,
    ...options,
    compute: () => {
      const { config } = chooseConfig(workload, target)
      return template.compute(config, args, target).map((output) => attach(output, workload))
    },
    schedule: (_attrs, outputs) => scheduleTemplate(outputs, target),
  }
}

/** Schedules fused operators by the template that made one of them. */
function scheduleTemplate(outputs: readonly Tensor[], target: Target) {
  const found = findWorkload(outputs.map(({ op }) => op))
  if (!found) throw new Error('no operation of a template among those to schedule')
  return getTemplate(found.task).schedule(chooseConfig(found, target).config, outputs, target)
}

/** The operation again, with the workload among its attributes. */
function attach(output: Tensor, { task, args }: Workload): Tensor {
  const { op } = output
  const attrs = { ...Object.fromEntries(op.attrs.entries()), [WORKLOAD]: JSON.stringify([task, args]) }
  const make = getGlobalFunc('te.ComputeOp')
  return (make(op.name, op.tag, attrs, op.get('axis'), op.get('body')) as Operation).output()
}

function findWorkload(outputs: readonly Operation[]): Workload | undefined {
  const queue = [...outputs]
  const seen = new Set<number>()
  for (let op = queue.shift(); op; op = queue.shift()) {
    if (seen.has(op.address) || !op.isCompute) continue
    seen.add(op.address)
    if (op.attrs.has(WORKLOAD)) {
      const [task, args] = JSON.parse(op.attrs.get(WORKLOAD) as string) as [string, PlainArg[]]
      return { task, args }
    }
    queue.push(...op.inputs.map((input) => input.op))
  }
  return undefined
}
