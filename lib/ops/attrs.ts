import { extent } from '../ir/type.js'
import type { TvmArray, TvmObject, TvmValue } from '../runtime/index.js'

/** An integer attribute. */
export function int(attrs: TvmObject, name: string): number {
  return extent(attrs.get(name))
}

/** A list of integers; null where the attribute is not set. */
export function ints(attrs: TvmObject, name: string): number[] {
  const value = attrs.get(name)
  return value === null ? [] : (value as TvmArray<TvmValue>).toArray().map(extent)
}

export function text(attrs: TvmObject, name: string): string {
  return attrs.get(name) as string
}

/** Padding of a window over `rank` axes, whichever of TVM's forms is given: all alike, one an axis, begins then ends. */
export function border(attrs: TvmObject, rank: number): { before: number[]; after: number[] } {
  const given = ints(attrs, 'padding')
  const before = Array.from({ length: rank }, (_, i) => given[given.length === 1 ? 0 : i] ?? 0)
  return { before, after: given.length === 2 * rank ? given.slice(rank) : before }
}

/** The output type of an operator that may leave it to its inputs. */
export function outDtype(attrs: TvmObject, fallback: string): string {
  return (attrs.get('out_dtype') as string) || fallback
}
