import { TvmNodeError } from '../errors.js'
import type { Stage } from '../ir/te.js'
import type { IterVar } from '../ir/tir.js'
import type { Annotate, Reorder, Split } from './knob.js'

/** Splits an axis; the loops from the outermost inwards. Only the factors after the first count. */
export function applySplit(stage: Stage, axis: IterVar, { factors }: Split): IterVar[] {
  const loops: IterVar[] = []
  let rest = axis
  for (let i = 1; i < factors.length; i++) {
    const [outer, inner] = stage.split(
      rest,
      factors.slice(i).reduce((product, factor) => product * factor, 1),
    )
    loops.push(outer)
    rest = inner
  }
  return [...loops, rest]
}

/** Orders axes; those that a longer order names and that are not there are left out. */
export function applyReorder(stage: Stage, axes: readonly IterVar[], { order }: Reorder): IterVar[] {
  const ordered = order.filter((i) => i < axes.length).map((i) => axes[i] as IterVar)
  stage.reorder(...ordered)
  return ordered
}

export interface AnnotateLimits {
  /** Extents of the axes, where they cannot be told from them. */
  readonly lengths?: readonly number[]
  /** The longest loop to unroll. */
  readonly maxUnroll?: number
  /** Extents that may become vectors. */
  readonly vectors?: readonly number[]
}

/** Unrolls, vectorises or fuses axes. @throws `ERR_INVALID_CONFIG` beyond the limits */
export function applyAnnotate(
  stage: Stage,
  axes: readonly IterVar[],
  { marks }: Annotate,
  { lengths, maxUnroll, vectors }: AnnotateLimits = {},
): IterVar[] {
  const loops = [...axes]
  for (const [i, mark] of marks.entries()) {
    const axis = loops[i] as IterVar
    const length = lengths?.[i] ?? axis.extent
    if (mark === 'unroll') {
      if (maxUnroll !== undefined && length > maxUnroll)
        throw new TvmNodeError('ERR_INVALID_CONFIG', `a loop of ${length} is too long to unroll`)
      stage.unroll(axis)
    } else if (mark === 'vec') {
      if (vectors && !vectors.includes(length))
        throw new TvmNodeError('ERR_INVALID_CONFIG', `there are no vectors of ${length}`)
      stage.vectorize(axis)
    } else if (mark === 'fuse') loops[i + 1] = stage.fuse(axis, loops[i + 1] as IterVar)
    else if (mark !== 'none') throw new TvmNodeError('ERR_INVALID_CONFIG', `'${mark}' needs a GPU`)
  }
  return loops
}
