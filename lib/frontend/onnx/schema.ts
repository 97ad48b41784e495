import protobuf from 'protobufjs/light.js'

/**
 * ONNX's messages (onnx.proto and onnx-data.proto of ONNX 1.16), one a line: `field:type=number`, `field*:type=number` where
 * it repeats. Fields of no use here are left out; readers skip them.
 */
const messages: Readonly<Record<string, string>> = {
  ModelProto: `irVersion:int64=1 opsetImport*:OperatorSetIdProto=8 producerName:string=2 producerVersion:string=3 domain:string=4
    modelVersion:int64=5 graph:GraphProto=7 metadataProps*:StringStringEntryProto=14 functions*:FunctionProto=25`,
  OperatorSetIdProto: 'domain:string=1 version:int64=2',
  StringStringEntryProto: 'key:string=1 value:string=2',
  GraphProto: `node*:NodeProto=1 name:string=2 initializer*:TensorProto=5 sparseInitializer*:SparseTensorProto=15
    input*:ValueInfoProto=11 output*:ValueInfoProto=12 valueInfo*:ValueInfoProto=13`,
  NodeProto: `input*:string=1 output*:string=2 name:string=3 opType:string=4 domain:string=7 overload:string=8
    attribute*:AttributeProto=5`,
  FunctionProto: `name:string=1 input*:string=4 output*:string=5 attribute*:string=6 attributeProto*:AttributeProto=11
    node*:NodeProto=7 opsetImport*:OperatorSetIdProto=9 domain:string=10 overload:string=13`,
  AttributeProto: `name:string=1 refAttrName:string=21 type:int32=20 f:float=2 i:int64=3 s:bytes=4 t:TensorProto=5 g:GraphProto=6
    sparseTensor:SparseTensorProto=22 tp:TypeProto=14 floats*:float=7 ints*:int64=8 strings*:bytes=9 tensors*:TensorProto=10
    graphs*:GraphProto=11`,
  TensorProto: `dims*:int64=1 dataType:int32=2 floatData*:float=4 int32Data*:int32=5 stringData*:bytes=6 int64Data*:int64=7
    name:string=8 rawData:bytes=9 externalData*:StringStringEntryProto=13 dataLocation:int32=14 doubleData*:double=10
    uint64Data*:uint64=11`,
  SparseTensorProto: 'values:TensorProto=1 indices:TensorProto=2 dims*:int64=3',
  ValueInfoProto: 'name:string=1 type:TypeProto=2',
  TypeProto: `tensorType:TensorTypeProto=1 sequenceType:ElementTypeProto=4 mapType:MapTypeProto=5 optionalType:ElementTypeProto=9
    sparseTensorType:TensorTypeProto=8`,
  TensorTypeProto: 'elemType:int32=1 shape:TensorShapeProto=2',
  ElementTypeProto: 'elemType:TypeProto=1',
  MapTypeProto: 'keyType:int32=1 valueType:TypeProto=2',
  TensorShapeProto: 'dim*:DimensionProto=1',
  DimensionProto: 'dimValue:int64=1 dimParam:string=2',
  SequenceProto: `name:string=1 elemType:int32=2 tensorValues*:TensorProto=3 sparseTensorValues*:SparseTensorProto=4
    sequenceValues*:SequenceProto=5 optionalValues*:OptionalProto=7`,
  OptionalProto: `name:string=1 elemType:int32=2 tensorValue:TensorProto=3 sparseTensorValue:SparseTensorProto=4
    sequenceValue:SequenceProto=5 optionalValue:OptionalProto=7`,
}

/** A 64-bit integer as the protobuf runtime delivers it. */
export interface Long {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

export interface ModelProto {
  readonly irVersion?: Long
  readonly opsetImport: readonly OperatorSetIdProto[]
  readonly producerName?: string
  readonly producerVersion?: string
  readonly graph?: GraphProto
  readonly functions: readonly FunctionProto[]
}
export interface OperatorSetIdProto {
  readonly domain?: string
  readonly version?: Long
}
export interface GraphProto {
  readonly node: readonly NodeProto[]
  readonly name?: string
  readonly initializer: readonly TensorProto[]
  readonly sparseInitializer: readonly SparseTensorProto[]
  readonly input: readonly ValueInfoProto[]
  readonly output: readonly ValueInfoProto[]
  readonly valueInfo: readonly ValueInfoProto[]
}
export interface NodeProto {
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly name: string
  readonly opType: string
  readonly domain: string
  readonly overload: string
  readonly attribute: readonly AttributeProto[]
}
export interface FunctionProto {
  readonly name: string
  readonly domain: string
  readonly overload: string
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly attribute: readonly string[]
  readonly attributeProto: readonly AttributeProto[]
  readonly node: readonly NodeProto[]
  readonly opsetImport: readonly OperatorSetIdProto[]
}
export interface AttributeProto {
  readonly name: string
  readonly refAttrName?: string
  readonly type?: number
  readonly f: number
  readonly i: Long
  readonly s: Uint8Array
  readonly t?: TensorProto
  readonly g?: GraphProto
  readonly sparseTensor?: SparseTensorProto
  readonly floats: readonly number[]
  readonly ints: readonly Long[]
  readonly strings: readonly Uint8Array[]
  readonly tensors: readonly TensorProto[]
  readonly graphs: readonly GraphProto[]
}
export interface TensorProto {
  readonly dims: readonly Long[]
  readonly dataType: number
  readonly floatData: readonly number[]
  readonly int32Data: readonly number[]
  readonly stringData: readonly Uint8Array[]
  readonly int64Data: readonly Long[]
  readonly name: string
  readonly rawData: Uint8Array
  readonly externalData: readonly { readonly key: string; readonly value: string }[]
  readonly dataLocation: number
  readonly doubleData: readonly number[]
  readonly uint64Data: readonly Long[]
}
export interface SparseTensorProto {
  readonly values?: TensorProto
  readonly indices?: TensorProto
  readonly dims: readonly Long[]
}
export interface ValueInfoProto {
  readonly name: string
  readonly type?: TypeProto
}
export interface TypeProto {
  readonly tensorType?: {
    readonly elemType: number
    readonly shape?: { readonly dim: readonly DimensionProto[] }
  }
  readonly sequenceType?: { readonly elemType?: TypeProto }
  readonly optionalType?: { readonly elemType?: TypeProto }
  readonly mapType?: unknown
  readonly sparseTensorType?: unknown
}
export interface DimensionProto {
  readonly dimValue: Long
  readonly dimParam: string
}
export interface SequenceProto {
  readonly elemType: number
  readonly tensorValues: readonly TensorProto[]
  readonly sequenceValues: readonly SequenceProto[]
  readonly optionalValues: readonly OptionalProto[]
}
export interface OptionalProto {
  readonly elemType: number
  readonly tensorValue?: TensorProto
  readonly sequenceValue?: SequenceProto
  readonly optionalValue?: OptionalProto
}

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(Object.entries(messages).map(([name, text]) => [name, parse(text)])),
})
root.resolveAll()

function parse(text: string): protobuf.IType {
  const fields = [...text.matchAll(/(\w+)(\*?):(\w+)=(\d+)/g)].map(([, name, repeated, type, id]) => [
    name as string,
    { type: type as string, id: Number(id), ...(repeated ? { rule: 'repeated' } : {}) },
  ])
  // Optional fields of proto2 tell a zero that is there from one that is not.
  return { fields: Object.fromEntries(fields), edition: 'proto2' } as protobuf.IType
}

/** The message of that name. Byte fields of what it decodes are views of the bytes given. */
export function message(name: keyof typeof messages & string): protobuf.Type {
  return root.lookupType(name)
}

/** Whether an optional field was present; absent ones read as their type's zero. */
export function present<T extends object>(value: T, field: keyof T): boolean {
  return Object.hasOwn(value, field)
}

/** The integer, exactly. */
export function longToBigInt({ low, high, unsigned }: Long): bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return unsigned ? bits : BigInt.asIntN(64, bits)
}

/** The integer as a number: exact up to 2**53. */
export function longToNumber({ low, high, unsigned }: Long): number {
  return (unsigned ? high >>> 0 : high) * 2 ** 32 + (low >>> 0)
}
