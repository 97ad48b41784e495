import type { Verification } from '../compile/verify.js'
import { formatTable } from './table.js'

/** How outputs compare with those of a build at optimisation level 0. */
export function describeVerification({ outputs, rounds, seed }: Verification): string {
  const table = formatTable(outputs, [
    { title: 'output', value: ({ name }) => name },
    { title: 'type', value: ({ dtype }) => dtype },
    {
      title: 'largest difference',
      value: ({ maxAbsError }) => (maxAbsError === 0 ? '0' : maxAbsError.toExponential(1)),
      align: 'right',
    },
    { title: 'allowed', value: ({ allowed }) => allowed },
  ])
  return `agrees with a build at optimisation level 0 on ${rounds} random inputs (seed ${seed})\n${table}`
}
