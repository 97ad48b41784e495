import { message } from '#lib/frontend/onnx/schema.js'
import { elementTypeNumber } from '#lib/frontend/onnx/tensor-proto.js'
import { type DType, isTensor, type Tensor, tensorBytes } from '#lib/tensor.js'

/** An attribute: integers are INT, arrays of them INTS; `float(x)` and `floats(...)` mark the others. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | readonly string[]
  | Tensor
  | FloatAttribute
  | GraphDescription
type FloatAttribute = { readonly float: number } | { readonly floats: readonly number[] }
export const float = (value: number): FloatAttribute => ({ float: value })
export const floats = (...values: number[]): FloatAttribute => ({ floats: values })

export interface NodeDescription {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attrs?: Readonly<Record<string, Attribute>>
  readonly domain?: string
  readonly name?: string
}
export interface InputDescription {
  readonly dtype: DType
  /** Text is a symbol; undefined a dimension without extent or name. */
  readonly shape: readonly (number | string | undefined)[]
  /** A sequence of such tensors, or an optional one. */
  readonly within?: 'sequence' | 'optional'
}
export interface GraphDescription {
  readonly nodes: readonly NodeDescription[]
  readonly inputs?: Readonly<Record<string, InputDescription>>
  readonly outputs: readonly string[]
  readonly initializers?: Readonly<Record<string, Tensor>>
  /** What the model itself says of tensors that nodes compute. */
  readonly types?: Readonly<Record<string, InputDescription>>
}
export interface ModelDescription extends GraphDescription {
  readonly opset: number
  /** Versions of other domains. */
  readonly domains?: Readonly<Record<string, number>>
  readonly functions?: readonly {
    name: string
    domain: string
    inputs: string[]
    outputs: string[]
    attributes?: string[]
    nodes: object[]
  }[]
}

/** The message of a tensor, with its data as raw bytes. */
export function tensorProto(value: Tensor, name = ''): object {
  const bytes = tensorBytes(value)
  const data = bytes
    ? { rawData: bytes }
    : { stringData: (value.data as string[]).map((text) => Buffer.from(text)) }
  return { name, dataType: elementTypeNumber(value.dtype), dims: [...value.shape], ...data }
}

export function attributeProto(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) }
  if (isTensor(value)) return { name, type: 4, t: tensorProto(value) }
  if ('float' in value) return { name, type: 1, f: value.float }
  if ('floats' in value) return { name, type: 6, floats: value.floats }
  if ('nodes' in value) return { name, type: 5, g: graphProto(value, name) }
  if (value.some((each) => typeof each === 'string'))
    return { name, type: 8, strings: value.map((each) => Buffer.from(String(each))) }
  return { name, type: 7, ints: value }
}

export function nodeProto({
  op,
  inputs,
  outputs,
  attrs = {},
  domain = '',
  name = '',
}: NodeDescription): object {
  const attribute = Object.entries(attrs).map(([key, value]) => attributeProto(key, value))
  return { opType: op, input: inputs, output: outputs, domain, name, attribute }
}

function inputProto(name: string, { dtype, shape, within }: InputDescription): object {
  const dim = shape.map((extent) =>
    extent === undefined ? {} : typeof extent === 'number' ? { dimValue: extent } : { dimParam: extent },
  )
  const type = { tensorType: { elemType: elementTypeNumber(dtype), shape: { dim } } }
  return { name, type: within ? { [`${within}Type`]: { elemType: type } } : type }
}

function graphProto(
  { nodes, inputs = {}, outputs, initializers = {}, types = {} }: GraphDescription,
  name = 'test',
): object {
  return {
    name,
    node: nodes.map(nodeProto),
    input: Object.entries(inputs).map(([key, value]) => inputProto(key, value)),
    output: outputs.map((each) => ({ name: each })),
    valueInfo: Object.entries(types).map(([key, value]) => inputProto(key, value)),
    initializer: Object.entries(initializers).map(([key, value]) => tensorProto(value, key)),
  }
}

/** The bytes of a model. */
export function onnxModel(description: ModelDescription): Uint8Array {
  const { opset, domains = {}, functions = [] } = description
  const imports = [['', opset] as const, ...Object.entries(domains)]
  return message('ModelProto')
    .encode({
      irVersion: opset < 10 ? 4 : 8,
      opsetImport: imports.map(([domain, version]) => ({ domain, version })),
      graph: graphProto(description),
      functions: functions.map(({ inputs, outputs, attributes = [], nodes, ...rest }) => ({
        ...rest,
        input: inputs,
        output: outputs,
        attribute: attributes,
        node: nodes,
        opsetImport: [{ domain: '', version: opset }],
      })),
    })
    .finish()
}
