import { native } from '../native.js'
import { Handle } from './handle.js'
import { getGlobalFunc } from './packed-func.js'
import type { TvmArg, TvmValue } from './value.js'

/** A reflected object of the library: an expression, a type, attributes... (TVM v0.18, include/tvm/runtime/object.h). */
export class TvmObject extends Handle {
  get typeKey(): string {
    return native.typeKey(this)
  }
  get typeIndex(): number {
    return native.typeIndex(this)
  }
  /** The field `name`; throws `ERR_TVM` when there is none. */
  get(name: string): TvmValue {
    return getGlobalFunc('node.NodeGetAttr')(this, name)
  }
  fieldNames(): string[] {
    const list = getGlobalFunc('node.NodeListAttrNames')(this) as unknown as (i: number) => number | string
    return Array.from({ length: list(-1) as number }, (_, i) => list(i) as string)
  }
  override toString(): string {
    return getGlobalFunc('node.AsRepr')(this) as string
  }
}

export class TvmArray<T extends TvmValue = TvmValue> extends TvmObject implements Iterable<T> {
  get length(): number {
    return getGlobalFunc('runtime.ArraySize')(this) as number
  }
  at(index: number): T {
    return getGlobalFunc('runtime.ArrayGetItem')(this, index < 0 ? this.length + index : index) as T
  }
  toArray(): T[] {
    const item = getGlobalFunc('runtime.ArrayGetItem')
    return Array.from({ length: this.length }, (_, i) => item(this, i) as T)
  }
  *[Symbol.iterator](): IterableIterator<T> {
    yield* this.toArray()
  }
}

export class TvmMap<K extends TvmValue = TvmValue, V extends TvmValue = TvmValue> extends TvmObject {
  get size(): number {
    return getGlobalFunc('runtime.MapSize')(this) as number
  }
  has(key: K): boolean {
    return Boolean(getGlobalFunc('runtime.MapCount')(this, key))
  }
  override get(key: string): TvmValue
  override get(key: K): V
  override get(key: K | string): TvmValue {
    return getGlobalFunc('runtime.MapGetItem')(this, key)
  }
  /** Pairs in the library's order, which is that of its hashes. */
  *entries(): IterableIterator<[K, V]> {
    const items = (getGlobalFunc('runtime.MapItems')(this) as unknown as TvmArray).toArray()
    for (let i = 0; i < items.length; i += 2) yield [items[i] as K, items[i + 1] as V]
  }
}

/** Handles of type `typeKey` become instances of `objectClass`. */
export function registerObjectType(typeKey: string, objectClass: new () => TvmObject): void {
  native.setObjectClass(typeKey, objectClass)
}
registerObjectType('Array', TvmArray)
registerObjectType('Map', TvmMap)

/** Creates an object of the library from its type key and fields. */
export function makeNode(typeKey: string, fields: Readonly<Record<string, TvmArg>>): TvmObject {
  return getGlobalFunc('node.MakeNode')(typeKey, ...Object.entries(fields).flat()) as TvmObject
}

/** Whether two objects have the same structure; with `mapFreeVars`, up to the names of free variables. */
export function structuralEqual(a: TvmArg, b: TvmArg, mapFreeVars = false): boolean {
  return Boolean(getGlobalFunc('node.StructuralEqual')(a, b, false, mapFreeVars))
}

export function structuralHash(object: TvmArg, mapFreeVars = false): bigint {
  return BigInt(getGlobalFunc('node.StructuralHash')(object, mapFreeVars) as number | bigint)
}

/** The library's JSON form of an object, with everything it refers to. */
export function saveJSON(object: TvmArg): string {
  return getGlobalFunc('node.SaveJSON')(object) as string
}

export function loadJSON(json: string): TvmValue {
  return getGlobalFunc('node.LoadJSON')(json)
}
