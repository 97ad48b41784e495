import {
  getGlobalFunc,
  registerObjectType,
  type TvmArray,
  TvmObject,
  type TvmValue,
} from '../runtime/index.js'

/** The base of Relay and TIR types. */
export class Type extends TvmObject {}
registerObjectType('Type', Type)

/** The extent that stands for a dimension unknown at compile time (`tir.Any`) in plain shapes. */
export const UNKNOWN_DIM = -1

/** A tensor's element type and shape (TVM v0.18, include/tvm/ir/tensor_type.h). */
export class TensorType extends Type {
  /** Extents; `-1` where the extent is unknown at compile time. */
  get shape(): number[] {
    const shape = this.get('shape') as TvmArray<TvmValue>
    return shape.toArray().map(extent)
  }

  /** TVM's spelling, for example `float32` or `bool`. */
  get dtype(): string {
    return this.get('dtype') as string
  }
}
registerObjectType('relay.TensorType', TensorType)

export class TupleType extends Type {
  get fields(): Type[] {
    return (this.get('fields') as TvmArray<Type>).toArray()
  }
}
registerObjectType('TupleType', TupleType)

/** The number in an `IntImm`, a boxed or a plain integer; `UNKNOWN_DIM` for anything symbolic. */
export function extent(dim: TvmValue): number {
  if (typeof dim === 'number') return dim
  if (typeof dim === 'bigint') return Number(dim)
  if (dim instanceof TvmObject && dim.typeKey === 'IntImm') return Number(dim.get('value'))
  return UNKNOWN_DIM
}

/** A tensor type; `UNKNOWN_DIM` becomes `tir.Any`. */
export function tensorType(shape: readonly number[], dtype: string): TensorType {
  const any = shape.includes(UNKNOWN_DIM) ? getGlobalFunc('tir.Any') : undefined
  const dims = shape.map((dim) => (any && dim === UNKNOWN_DIM ? any(null) : dim))
  return getGlobalFunc('ir.TensorType')(dims, dtype) as TensorType
}

export function tupleType(fields: readonly Type[]): TupleType {
  return getGlobalFunc('ir.TupleType')([...fields]) as TupleType
}
