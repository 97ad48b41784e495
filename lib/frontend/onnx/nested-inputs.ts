import { TvmNodeError } from '../../errors.js'
import { elementName, type Structure } from '../../session/structure.js'
import type { InputShapes } from './input-shapes.js'
import { present, type TypeProto, type ValueInfoProto } from './schema.js'
import { Value } from './value.js'

/** The inputs of a model with sequences and optionals taken apart. */
export interface FlatInputs {
  /** Tensors only; the elements of a sequence `x` are `x[0]`, `x[1]`... */
  readonly tensors: readonly ValueInfoProto[]
  /** Of those inputs that are no plain tensors. */
  readonly structures: Readonly<Record<string, Structure>>
  /** Without what only said which elements there are. */
  readonly shapes: InputShapes
}

/**
 * Takes sequences and optionals apart. How many elements a sequence has follows from `shapes`, which names each of them, or has an
 * empty list under the name of an empty one; an optional that is empty has null there.
 *
 * @throws `ERR_DYNAMIC_SHAPE` for a sequence of unknown length, `ERR_UNSUPPORTED_OPERATOR` for maps and sequences of sequences
 */
export function flattenInputs(
  inputs: readonly ValueInfoProto[],
  shapes: Readonly<Record<string, readonly number[] | null>> = {},
): FlatInputs {
  const tensors: ValueInfoProto[] = []
  const structures: Record<string, Structure> = {}
  const left = new Map(Object.entries(shapes))
  for (const input of inputs) {
    const { type, name } = input
    if (type?.tensorType) tensors.push(input)
    else structures[name] = flatten(name, type, left, tensors)
  }
  const kept = [...left].filter((entry): entry is [string, readonly number[]] => entry[1] !== null)
  return { tensors, structures, shapes: Object.fromEntries(kept) }
}

function flatten(
  name: string,
  type: TypeProto | undefined,
  shapes: Map<string, readonly number[] | null>,
  tensors: ValueInfoProto[],
): Structure {
  if (type?.tensorType) {
    tensors.push({ name, type } as ValueInfoProto)
    return 'tensor'
  }
  if (type?.optionalType) {
    if (shapes.get(name) !== null) return flatten(name, type.optionalType.elemType, shapes, tensors)
    shapes.delete(name)
    return null
  }
  const element = type?.sequenceType?.elemType
  if (!element?.tensorType) {
    throw new TvmNodeError(
      'ERR_UNSUPPORTED_OPERATOR',
      `input '${name}' is neither a tensor, nor a sequence or optional of tensors`,
      { details: { operators: [] } },
    )
  }
  const isEmpty = shapes.get(name)?.length === 0
  if (isEmpty) shapes.delete(name)
  const count = isEmpty ? 0 : lengthOf(name, shapes)
  const each = withoutSymbols(element)
  return Array.from({ length: count }, (_, i) => flatten(elementName(name, i), each, shapes, tensors))
}

/** A name for an extent does not hold from one element to the next. */
function withoutSymbols(type: TypeProto): TypeProto {
  const { tensorType } = type
  if (!tensorType?.shape) return type
  const dim = tensorType.shape.dim.map((each) =>
    present(each, 'dimParam') ? { ...each, dimParam: '' } : each,
  )
  return { ...type, tensorType: { ...tensorType, shape: { dim } } }
}

function lengthOf(name: string, shapes: ReadonlyMap<string, unknown>): number {
  let count = 0
  while (shapes.has(elementName(name, count))) count++
  if (count > 0) return count
  throw new TvmNodeError(
    'ERR_DYNAMIC_SHAPE',
    `the length of the sequence '${name}' is not known; give the shape of each element with shapes, on the command line --shape '${elementName(name, 0)}:1,3' and so on`,
    { details: { dimensions: [name] } },
  )
}

/** A nested input again, of the values of its tensors. */
export function nestedValue(name: string, structure: Structure, find: (name: string) => Value): Value {
  if (structure === null) return Value.none
  if (structure === 'tensor') return find(name)
  return Value.sequence(structure.map((each, i) => nestedValue(elementName(name, i), each, find)))
}

/** The tensors of an output, by name, with what it is made of. */
export function flattenOutput(
  name: string,
  value: Value,
): { structure: Structure; tensors: [string, Value][] } {
  if (value === Value.none) return { structure: null, tensors: [] }
  if (!value.items) return { structure: 'tensor', tensors: [[name, value]] }
  const parts = value.items.map((each, i) => flattenOutput(elementName(name, i), each))
  return {
    structure: parts.map(({ structure }) => structure),
    tensors: parts.flatMap(({ tensors }) => tensors),
  }
}
