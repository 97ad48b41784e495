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

/** Padding of a 2-D window as [top, left, bottom, right], whichever of TVM's short forms is given. */
export function padding2d(attrs: TvmObject): [number, number, number, number] {
  const pad = ints(attrs, 'padding')
  const [a = 0, b = a, c = a, d = b] = pad
  return pad.length === 4 ? [a, b, c, d] : [a, b, a, b]
}

/** The output type of an operator that may leave it to its inputs. */
export function outDtype(attrs: TvmObject, fallback: string): string {
  return (attrs.get('out_dtype') as string) || fallback
}
