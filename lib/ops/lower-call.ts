import { TvmNodeError } from '../errors.js'
import type { Call, Op } from '../ir/relay.js'
import type { Target } from '../ir/target.js'
import type { Tensor } from '../ir/te.js'
import { getGlobalFunc, registerFunc, type TvmArray, type TvmObject } from '../runtime/index.js'
import { findStrategy, type Implementation } from './strategy.js'

/** The library's object for an implementation; one each, since the library compares and keeps them. */
const implementationObjects = new WeakMap<Implementation, TvmObject>()

const untuned = new Set<string>()

/** Runs a build and tells which tunable implementations it took with their default choices, sorted by name. */
export function notingUntuned<T>(build: () => T): { readonly built: T; readonly untuned: readonly string[] } {
  untuned.clear()
  const built = build()
  return { built, untuned: [...untuned].sort() }
}

/**
 * Registers `relay.backend.lower_call`, through which the library asks how to compute and schedule one operator call
 * (TVM v0.18, src/relay/backend/te_compiler_cache.cc). The library keeps the first function it finds for the life of the
 * process, so this happens before the first build.
 */
export function installLowerCall(): void {
  registerFunc('relay.backend.lower_call', lowerCall as never, { override: true })
}

function lowerCall(call: Call, inputs: TvmArray<Tensor>, target: Target, fusedType?: TvmObject): TvmObject {
  const op = call.op as Op
  const outType = fusedType ?? (call.get('_checked_type_') as TvmObject)
  const strategy = findStrategy(op.name, target)
  if (!strategy) {
    throw new TvmNodeError(
      'ERR_NO_IMPLEMENTATION',
      `operator ${op.name} has no implementation for target ${target}`,
      {
        details: { op: op.name },
      },
    )
  }
  const attrs = call.attrs
  const tensors = inputs.toArray()
  const implementation = best(strategy({ attrs, inputs: tensors, outType, target }))
  if (!implementation) {
    throw new TvmNodeError(
      'ERR_NO_IMPLEMENTATION',
      `no implementation of ${op.name} fits this case (${call.toString()}) on target ${target}`,
      { details: { op: op.name } },
    )
  }
  if (implementation.tunable) untuned.add(implementation.name)
  const outputs = implementation.compute(attrs, tensors, outType)
  return getGlobalFunc('relay.backend._make_LoweredOutput')(outputs, objectOf(implementation)) as TvmObject
}

function best(implementations: Implementation[]): Implementation | undefined {
  let found: Implementation | undefined
  for (const candidate of implementations) {
    if (!found || (candidate.plevel ?? 10) > (found.plevel ?? 10)) found = candidate
  }
  return found
}

function objectOf(implementation: Implementation): TvmObject {
  const known = implementationObjects.get(implementation)
  if (known) return known
  const strategy = getGlobalFunc('relay.op._make.OpStrategy')() as TvmObject
  getGlobalFunc('relay.op._OpStrategyAddImplementation')(
    strategy,
    ((attrs: TvmObject, inputs: TvmArray<Tensor>, outType: TvmObject) =>
      implementation.compute(attrs, inputs.toArray(), outType)) as never,
    ((attrs: TvmObject, outs: TvmArray<Tensor>, target: Target) =>
      implementation.schedule(attrs, outs.toArray(), target)) as never,
    implementation.name,
    implementation.plevel ?? 10,
  )
  const specialization = (strategy.get('specializations') as TvmArray<TvmObject>).at(0)
  const object = (specialization.get('implementations') as TvmArray<TvmObject>).at(0)
  implementationObjects.set(implementation, object)
  return object
}
