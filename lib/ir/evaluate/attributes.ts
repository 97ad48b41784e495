import { TvmArray, type TvmObject, type TvmValue } from '../../runtime/index.js'
import { extent } from '../type.js'

/** An axis counted from the front. */
export function normalize(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** The integers of an attribute, be it one or a list; undefined for an absent one. */
export function optionalInts(attrs: TvmObject, name: string): number[] | undefined {
  const value = attrs.get(name)
  if (value === null) return undefined
  return value instanceof TvmArray ? (value as TvmArray<TvmValue>).toArray().map(extent) : [extent(value)]
}

/** The attribute `axis`, counted from the front of `rank` axes; undefined for an absent one. */
export function axisOf(attrs: TvmObject, rank: number): number | undefined {
  const [axis] = optionalInts(attrs, 'axis') ?? []
  return axis === undefined ? undefined : normalize(axis, rank)
}
