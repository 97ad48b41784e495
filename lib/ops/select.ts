import type { Target } from '../ir/target.js'
import { type Choice, chooseConfig } from '../schedule-config/dispatch.js'
import { findStrategy, type Implementation, type StrategyContext } from './strategy.js'

/** An implementation with the configuration that it will have, if it is one of a template. */
export interface Selection {
  readonly implementation: Implementation
  readonly choice?: Choice
}

/**
 * The implementation for an operator: the one whose record is fastest; without records the one of the highest `plevel`, the
 * first of equals (TVM v0.18, python/tvm/relay/backend/te_compiler.py, select_implementation).
 *
 * @param altering - Whether the operator's layout may still be altered.
 */
export function selectImplementation(
  op: string,
  context: StrategyContext,
  { altering = false } = {},
): Selection | undefined {
  const valid = implementationsOf(op, context).filter(({ onlyAltered }) => altering || !onlyAltered)
  const selections = valid.map((implementation) => withChoice(implementation, context.target))
  const tuned = selections.filter(({ choice }) => choice && choice.source !== 'untuned')
  if (tuned.length > 0) return least(tuned, ({ choice }) => choice?.cost ?? Number.POSITIVE_INFINITY)
  return least(selections, ({ implementation }) => -(implementation.plevel ?? 10))
}

/** All implementations that are valid for the case at hand. */
export function implementationsOf(op: string, context: StrategyContext): Implementation[] {
  return findStrategy(op, context.target)?.(context) ?? []
}

function withChoice(implementation: Implementation, target: Target): Selection {
  const { workload } = implementation
  return workload ? { implementation, choice: chooseConfig(workload, target) } : { implementation }
}

function least<T>(items: readonly T[], rank: (item: T) => number): T | undefined {
  let found: T | undefined
  for (const item of items) if (found === undefined || rank(item) < rank(found)) found = item
  return found
}
