import type { OperatorProfile } from '../session/session.js'
import type { WholeResult } from './record.js'

/** One number of two results; undefined where a result has none of that name. */
export interface Change {
  readonly name: string
  readonly before: number | undefined
  readonly after: number | undefined
  /** After over before; undefined where one is missing or `before` is 0. */
  readonly ratio: number | undefined
}

export interface Comparison {
  readonly before: WholeResult
  readonly after: WholeResult
  readonly metrics: readonly Change[]
  /** Microseconds of each operator, those that take longest in either result first. Operators of the same name count together. */
  readonly operators: readonly Change[]
}

/** Sets two results against each other, number by number and operator by operator. */
export function compareResults(before: WholeResult, after: WholeResult): Comparison {
  const operators = changes(durations(before), durations(after))
  const longest = ({ before = 0, after = 0 }: Change) => Math.max(before, after)
  return {
    before,
    after,
    metrics: changes(before.metrics, after.metrics),
    operators: operators.sort((a, b) => longest(b) - longest(a)),
  }
}

function changes(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].map((name) => {
    const [first, second] = [before[name], after[name]]
    const ratio = first !== undefined && second !== undefined && first !== 0 ? second / first : undefined
    return { name, before: first, after: second, ratio }
  })
}

/** Microseconds by the operator's name. */
export function durations({ details }: WholeResult): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { name, durationUs } of profileOf(details)) sums[name] = (sums[name] ?? 0) + durationUs
  return sums
}

/** The operators of a result in the order of execution; none where it was not profiled. */
export function profileOf(details: WholeResult['details']): readonly OperatorProfile[] {
  return Array.isArray(details.profile) ? (details.profile as OperatorProfile[]) : []
}
