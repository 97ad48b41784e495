import { isTensor, type Tensor } from '../tensor.js'
import type { NamedTensors } from './inputs.js'

/** A tensor, a sequence, or an optional without a value. */
export type NestedTensor = Tensor | readonly NestedTensor[] | null

/** What a nested value is made of. */
export type Structure = 'tensor' | null | readonly Structure[]

/** The name under which an element of a sequence goes in and out of a network. */
export function elementName(sequence: string, index: number): string {
  return `${sequence}[${index}]`
}

/** The tensors of nested values: the elements of a sequence `x` are `x[0]`, `x[1]`..., an empty optional is nothing. */
export function flattenValues(values: Readonly<Record<string, NestedTensor>>): NamedTensors {
  const entries = Object.entries(values).flatMap(([name, value]): [string, Tensor][] => {
    if (value === null) return []
    if (isTensor(value)) return [[name, value]]
    const items = value.map((each, i) => [elementName(name, i), each] as const)
    return Object.entries(flattenValues(Object.fromEntries(items)))
  })
  return Object.fromEntries(entries)
}

/** Nested values again, of the tensors of a run. Names that `structures` does not have are tensors. */
export function assembleValues(
  tensors: NamedTensors,
  structures: Readonly<Record<string, Structure>> = {},
): Record<string, NestedTensor> {
  const taken = new Set<string>()
  const assemble = (name: string, structure: Structure): NestedTensor => {
    if (structure === null) return null
    if (structure !== 'tensor') return structure.map((each, i) => assemble(elementName(name, i), each))
    taken.add(name)
    return tensors[name] as Tensor
  }
  const nested = Object.entries(structures).map(([name, structure]) => [name, assemble(name, structure)])
  const plain = Object.entries(tensors).filter(([name]) => !taken.has(name))
  return Object.fromEntries([...plain, ...nested])
}
