import { z } from 'zod'
import { axisOrder } from './axis-order.js'

/** Operators whose layouts can be asked for, and the letters of the axes of their data and kernel. */
interface Convertible {
  readonly data: string
  /** Undefined for operators without a kernel. */
  readonly kernel?: string
}

const spatial = ['W', 'HW', 'DHW'] as const

export const convertible: ReadonlyMap<string, Convertible> = new Map<string, Convertible>([
  ...spatial.flatMap((axes, i) => {
    const convolutions = { data: `NC${axes}`, kernel: `OI${axes}` }
    const pooling = { data: `NC${axes}` }
    return [
      ...['', '_transpose'].map((suffix) => [`nn.conv${i + 1}d${suffix}`, convolutions] as const),
      ...['', 'adaptive_'].flatMap((prefix) =>
        ['max', 'avg'].map((kind) => [`nn.${prefix}${kind}_pool${i + 1}d`, pooling] as const),
      ),
    ]
  }),
  ...['max', 'avg'].map((kind) => [`nn.global_${kind}_pool2d`, { data: 'NCHW' }] as const),
])

export const DEFAULT_LAYOUT = 'default'

/** The plain operator that a quantised one becomes before layouts are chosen. */
export const plainOperator = (op: string) => op.replace(/^qnn\./, 'nn.')

/** Layouts by operator, as [data, kernel] in TVM's letters; `default` for what follows from the operator or the data's. */
export type DesiredLayouts = Readonly<Record<string, readonly string[]>>

export const desiredLayoutsSchema = z
  .record(z.string(), z.array(z.string()).min(1).max(2))
  .superRefine((layouts, context) => {
    for (const [op, [data = '', kernel = DEFAULT_LAYOUT]] of Object.entries(layouts)) {
      const refuse = (message: string) => context.addIssue({ code: 'custom', path: [op], message })
      const axes = convertible.get(plainOperator(op))
      if (!axes) refuse(`no layout can be asked for; operators are ${[...convertible.keys()].join(', ')}`)
      else if (!isOrder(data, axes.data))
        refuse(`the data's layout is '${data}', not an order of ${axes.data}`)
      else if (!isOrder(kernel, axes.kernel ?? ''))
        refuse(
          `the kernel's layout is '${kernel}', not ${axes.kernel ? `an order of ${axes.kernel}` : `'default'`}`,
        )
    }
  })

function isOrder(layout: string, axes: string): boolean {
  return layout === DEFAULT_LAYOUT || (axes !== '' && axisOrder(layout, axes) !== undefined)
}
