import { TvmNodeError } from '../../errors.js'
import type { Tensor } from '../../tensor.js'
import { type AttributeProto, type GraphProto, longToNumber, present } from './schema.js'
import { type ReadExternal, readTensor } from './tensor-proto.js'

/** `AttributeProto.AttributeType`, by the field that holds the value. */
const types = {
  f: 1,
  i: 2,
  s: 3,
  t: 4,
  g: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const
type Field = keyof typeof types
const typeNames = [
  '',
  'FLOAT',
  'INT',
  'STRING',
  'TENSOR',
  'GRAPH',
  'FLOATS',
  'INTS',
  'STRINGS',
  'TENSORS',
  'GRAPHS',
]

const text = new TextDecoder()

/**
 * The attributes of a node, typed. Each reader takes the default for an absent attribute; without one the attribute is
 * required. A missing or wrongly typed attribute throws `ERR_INVALID_MODEL`.
 */
export class Attributes {
  readonly #protos: ReadonlyMap<string, AttributeProto>
  readonly #where: string
  readonly #readExternal: ReadExternal

  constructor(protos: Iterable<AttributeProto>, where: string, readExternal: ReadExternal) {
    this.#protos = new Map(Array.from(protos, (proto) => [proto.name, proto]))
    this.#where = where
    this.#readExternal = readExternal
  }

  /** All but one. */
  without(name: string): Attributes {
    const others = [...this.#protos.values()].filter((each) => each.name !== name)
    return new Attributes(others, this.#where, this.#readExternal)
  }
  has(name: string): boolean {
    return this.#protos.has(name)
  }
  proto(name: string): AttributeProto | undefined {
    return this.#protos.get(name)
  }
  int(name: string, otherwise?: number): number {
    return this.#read(name, 'i', ({ i }) => longToNumber(i), otherwise)
  }
  /** An integer that means yes or no. */
  flag(name: string, otherwise = false): boolean {
    return this.int(name, otherwise ? 1 : 0) !== 0
  }
  ints(name: string, otherwise?: readonly number[]): readonly number[] {
    return this.#read(name, 'ints', ({ ints }) => ints.map(longToNumber), otherwise)
  }
  optionalInts(name: string): readonly number[] | undefined {
    return this.has(name) ? this.ints(name) : undefined
  }
  float(name: string, otherwise?: number): number {
    return this.#read(name, 'f', ({ f }) => f, otherwise)
  }
  floats(name: string, otherwise?: readonly number[]): readonly number[] {
    return this.#read(name, 'floats', ({ floats }) => floats, otherwise)
  }
  string(name: string, otherwise?: string): string {
    return this.#read(name, 's', ({ s }) => text.decode(s), otherwise)
  }
  strings(name: string, otherwise?: readonly string[]): readonly string[] {
    return this.#read(name, 'strings', ({ strings }) => strings.map((s) => text.decode(s)), otherwise)
  }
  tensor(name: string): Tensor {
    return this.#read(name, 't', ({ t }) => t && readTensor(t, this.#readExternal))
  }
  graph(name: string): GraphProto {
    return this.#read(name, 'g', ({ g }) => g)
  }

  #read<T>(name: string, field: Field, read: (proto: AttributeProto) => T | undefined, otherwise?: T): T {
    const proto = this.#protos.get(name)
    if (!proto) return otherwise ?? this.#fail(`lacks its attribute '${name}'`)
    // Models before IR version 3 do not say the type; theirs is that of the field that is there.
    const type =
      proto.type || types[(Object.keys(types) as Field[]).find((key) => isPresent(proto, key)) ?? field]
    if (type !== types[field]) {
      return this.#fail(
        `has attribute '${name}' of type ${typeNames[type] || type}, it must be ${typeNames[types[field]]}`,
      )
    }
    return read(proto) ?? this.#fail(`has attribute '${name}' without a value`)
  }

  #fail(why: string): never {
    throw new TvmNodeError('ERR_INVALID_MODEL', `${this.#where} ${why}`)
  }
}

function isPresent(proto: AttributeProto, field: Field): boolean {
  const value = proto[field]
  return Array.isArray(value) ? value.length > 0 : present(proto, field)
}
