import { TvmNodeError } from '../errors.js'
import { type NativeArrayInfo, native } from '../native.js'

/** Element type of TVM: code, bits and lanes. */
export interface DataType {
  readonly code: number
  readonly bits: number
  readonly lanes: number
}

const codes: Record<string, number> = {
  int: 0,
  uint: 1,
  float: 2,
  handle: 3,
  bfloat: 4,
  e4m3_float: 6,
  e5m2_float: 7,
}
const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]))

/** Parses TVM's spelling, for example `float32`, `bool`, `int8x4`. */
export function parseDataType(text: string): DataType {
  if (text === 'bool') return { code: 1, bits: 1, lanes: 1 }
  const match = /^(e[45]m[23]_float|[a-z]+)(\d*)(?:x(\d+))?$/.exec(text)
  const code = codes[match?.[1] ?? '']
  if (!match || code === undefined) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `'${text}' is no element type of TVM`, {
      details: { dtype: text },
    })
  }
  const bits = match[2] ? Number(match[2]) : code === 3 ? 64 : 32
  return { code, bits, lanes: match[3] ? Number(match[3]) : 1 }
}

export function formatDataType({
  code,
  bits,
  lanes,
}: Pick<NativeArrayInfo, 'code' | 'bits' | 'lanes'>): string {
  if (code === 1 && bits === 1 && lanes === 1) return 'bool'
  return `${names.get(code) ?? `custom[${code}]`}${bits}${lanes === 1 ? '' : `x${lanes}`}`
}

/** Marks a string as an element type, where a plain string would be taken as text. */
export function dtypeArg(text: string): object {
  const { code, bits, lanes } = parseDataType(text)
  return native.dataType(code, bits, lanes)
}
