import { TvmNodeError } from '../errors.js'
import type { Call, Op } from '../ir/relay.js'
import type { Target } from '../ir/target.js'
import type { Tensor } from '../ir/te.js'
import { sizeVariable } from '../ir/tir.js'
import { extent, TensorType, TupleType, type Type, tupleType, UNKNOWN_DIM } from '../ir/type.js'
import {
  getGlobalFunc,
  registerFunc,
  type TvmArg,
  type TvmArray,
  type TvmObject,
  type TvmValue,
} from '../runtime/index.js'
import { describeWorkload, workloadKey } from '../schedule-config/workload.js'
import type { ScheduleInfo } from '../session/artifact.js'
import { isOpen, openImplementation } from './open/open.js'
import { type Selection, selectImplementation } from './select.js'
import { findStrategy, type Implementation } from './strategy.js'

/** The library's object for an implementation; one each, since the library compares and keeps them. */
const implementationObjects = new WeakMap<Implementation, TvmObject>()

type Note = { -readonly [Key in keyof ScheduleInfo]: ScheduleInfo[Key] }

const notes: Note[] = []
const noteOf = new WeakMap<Implementation, Note>()
/** What was scheduled last, of the function that is being lowered. */
let scheduled: Implementation | undefined

/** Runs a build and tells how its operators were scheduled. */
export function notingSchedules<T>(build: () => T): {
  readonly built: T
  readonly schedules: readonly ScheduleInfo[]
} {
  notes.length = 0
  scheduled = undefined
  const built = build()
  return { built, schedules: [...notes] }
}

/** Tells the name of the function whose schedule was the last to be made. */
export function noteFunction(name: string): void {
  const note = scheduled && noteOf.get(scheduled)
  if (note) note.function = name
  scheduled = undefined
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
  const outType = closedType(fusedType ?? (call.get('_checked_type_') as TvmObject))
  const attrs = call.attrs
  const tensors = inputs.toArray()
  const context = { attrs, inputs: tensors, outType, target }
  const open = isOpen(context) ? openImplementation(op.name) : undefined
  const selected = open ? { implementation: open } : selectImplementation(op.name, context)
  if (!selected) {
    const known = findStrategy(op.name, target) !== undefined
    throw new TvmNodeError(
      'ERR_NO_IMPLEMENTATION',
      known
        ? `no implementation of ${op.name} fits this case (${call.toString()}) on target ${target}`
        : `operator ${op.name} has no implementation for target ${target}`,
      { details: { op: op.name } },
    )
  }
  const { implementation } = selected
  note(selected)
  const outputs = implementation.compute(attrs, tensors, outType)
  return getGlobalFunc('relay.backend._make_LoweredOutput')(outputs, objectOf(implementation)) as TvmObject
}

/** A type with a variable for each extent that is not known. */
function closedType(type: TvmObject): TvmObject {
  if (type instanceof TupleType) return tupleType(type.fields.map(closedType) as Type[])
  if (!(type instanceof TensorType) || !type.shape.includes(UNKNOWN_DIM)) return type
  const dims = (type.get('shape') as TvmArray<TvmValue>).toArray()
  const named = dims.map((dim) => (extent(dim) === UNKNOWN_DIM ? sizeVariable('any_dim') : dim))
  return getGlobalFunc('ir.TensorType')(named as TvmArg[], type.dtype) as TvmObject
}

function note({ implementation, choice }: Selection): void {
  const { name, workload, tunable, standsFor } = implementation
  const note: Note = { implementation: name, source: choice?.source ?? 'untuned' }
  if (workload && choice) {
    note.workload = describeWorkload(workload)
    note.config = String(choice.config)
  } else if (!tunable) return
  const origin = choice?.workload ?? standsFor
  if (origin) note.key = workloadKey(origin)
  notes.push(note)
  noteOf.set(implementation, note)
}

function objectOf(implementation: Implementation): TvmObject {
  const known = implementationObjects.get(implementation)
  if (known) return known
  const strategy = getGlobalFunc('relay.op._make.OpStrategy')() as TvmObject
  getGlobalFunc('relay.op._OpStrategyAddImplementation')(
    strategy,
    ((attrs: TvmObject, inputs: TvmArray<Tensor>, outType: TvmObject) =>
      implementation.compute(attrs, inputs.toArray(), outType)) as never,
    ((attrs: TvmObject, outs: TvmArray<Tensor>, target: Target) => {
      scheduled = implementation
      return implementation.schedule(attrs, outs.toArray(), target)
    }) as never,
    implementation.name,
    implementation.plevel ?? 10,
  )
  const specialization = (strategy.get('specializations') as TvmArray<TvmObject>).at(0)
  const object = (specialization.get('implementations') as TvmArray<TvmObject>).at(0)
  implementationObjects.set(implementation, object)
  return object
}
