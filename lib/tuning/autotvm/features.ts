import type { ConfigSpace } from '../../schedule-config/config-space.js'
import type { KnobEntity } from '../../schedule-config/knob.js'

/** Vector widths in 32-bit lanes whose multiples make good innermost loops. */
const VECTORS = [4, 8, 16]
const MARKS = ['none', 'unroll', 'vec']

/**
 * Describes configurations by their knobs: what a cost model learns from without lowering any of them. Factors of splits as
 * logarithms and by the vectors they fill, also products of two innermost factors, which is what registers and caches hold.
 */
export class KnobFeatures {
  private readonly described: Float32Array[][]
  private readonly inner: (number[] | undefined)[]
  readonly columns: number

  constructor(private readonly space: ConfigSpace) {
    const knobs = [...space.knobs.values()]
    this.described = knobs.map((entities) =>
      entities.map((entity, i) => Float32Array.from(describe(entity, i))),
    )
    this.inner = knobs.map((entities) =>
      entities[0]?.kind === 'sp'
        ? entities.map((entity) => (entity.kind === 'sp' ? logarithm(entity.factors.at(-1) ?? 1) : 0))
        : undefined,
    )
    this.columns = this.row(0).length
  }

  /** Rows of features, one a configuration. */
  of(indices: readonly number[]): Float32Array {
    const rows = new Float32Array(indices.length * this.columns)
    for (const [i, index] of indices.entries()) rows.set(this.row(index), i * this.columns)
    return rows
  }

  private row(index: number): number[] {
    const digits = this.space.digits(index)
    const row = digits.flatMap((digit, knob) => [...(this.described[knob]?.[digit] ?? [])])
    const factors = digits.flatMap((digit, knob) => this.inner[knob]?.[digit] ?? [])
    for (let a = 0; a < factors.length; a++)
      for (let b = a + 1; b < factors.length; b++) row.push((factors[a] as number) + (factors[b] as number))
    if (factors.length > 2) row.push(factors.reduce((sum, factor) => sum + factor, 0))
    return row
  }
}

function describe(entity: KnobEntity, position: number): number[] {
  switch (entity.kind) {
    case 'sp': {
      const inner = entity.factors.at(-1) ?? 1
      return [
        ...entity.factors.slice(1).map(logarithm),
        inner,
        ...VECTORS.map((width) => Number(inner % width === 0)),
      ]
    }
    case 're':
      return [...entity.order]
    case 'an':
      return entity.marks.map((mark) => (typeof mark === 'number' ? mark : MARKS.indexOf(mark)))
    case 'ot':
      return [typeof entity.value === 'number' ? entity.value : Number(entity.value === true), position]
  }
}

function logarithm(factor: number): number {
  return Math.log2(Math.max(1, factor))
}
