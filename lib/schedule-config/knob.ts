/** A scalar that a template may choose freely. */
export type KnobValue = string | number | boolean | null

/** How an axis is split: the extents of the loops from the outermost inwards. The first may be -1: what the others leave. */
export interface Split {
  readonly kind: 'sp'
  readonly factors: readonly number[]
}
/** How axes are ordered: position `i` takes axis `order[i]`. */
export interface Reorder {
  readonly kind: 're'
  readonly order: readonly number[]
}
/** What becomes of each axis: `none`, `unroll`, `vec`..., or for cached stages the axis at which each is placed. */
export interface Annotate {
  readonly kind: 'an'
  readonly marks: readonly (string | number)[]
}
export interface Other {
  readonly kind: 'ot'
  readonly value: KnobValue
}

/** The value of one knob; kinds are spelled as in records (TVM v0.18, python/tvm/autotvm/task/space.py). */
export type KnobEntity = Split | Reorder | Annotate | Other

/** The values that a knob may take, in the order in which configurations are numbered. */
export type KnobSpace = readonly KnobEntity[]

export function split(...factors: number[]): Split {
  return { kind: 'sp', factors }
}
export function reorder(...order: number[]): Reorder {
  return { kind: 're', order }
}
export function annotate(...marks: (string | number)[]): Annotate {
  return { kind: 'an', marks }
}
export function other(value: KnobValue): Other {
  return { kind: 'ot', value }
}

/** The value as a record holds it. */
export function plainValue(entity: KnobEntity): KnobValue | readonly (string | number)[] {
  switch (entity.kind) {
    case 'sp':
      return entity.factors
    case 're':
      return entity.order
    case 'an':
      return entity.marks
    case 'ot':
      return entity.value
  }
}
