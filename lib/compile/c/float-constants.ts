import { call, type PrimExpr } from '../../ir/tir.js'
import type { TvmArg } from '../../runtime/index.js'
import { lowerPass } from '../lower-pass.js'

/**
 * TVM's C code generator writes real constants with seven digits and infinities as no C at all (v0.18,
 * src/target/source/codegen_c.cc, PrintConst). Constants that this would change become calls of functions whose names hold
 * their bits, and the calls in the generated source become literals.
 */
const MARK = 'tvm_node_constant'

/** The pass, in the form of TVM's configuration `tir.add_lower_pass`. */
export function keepFloatConstants(): readonly TvmArg[] {
  return lowerPass('KeepFloatConstants', 'FloatImm', (constant: PrimExpr) => {
    const { dtype } = constant
    const value = rounded(Number(constant.get('value')), dtype)
    return survives(value, dtype)
      ? null
      : call(dtype, 'call_pure_extern', `${MARK}_${dtype}_${bitsOf(value)}`)
  })
}

/** Generated C with these constants written out; it declares each of the functions, too. */
export function writeConstants(source: string): string {
  return source
    .replaceAll(DECLARATION, '')
    .replaceAll(CALL, (_, dtype, bits) => literal(fromBits(bits), dtype))
}
const CALL = new RegExp(`${MARK}_(float\\d+)_([0-9a-f]{16})\\(\\)`, 'g')
const DECLARATION = new RegExp(
  `#ifdef __cplusplus\\nextern "C"\\n#endif\\nTVM_DLL \\w+ ${MARK}_\\w+\\(\\);\\n`,
  'g',
)

function rounded(value: number, dtype: string): number {
  return dtype === 'float64' ? value : Math.fround(value)
}

/** Whether TVM's own way of writing `value` reads as the same number again. */
function survives(value: number, dtype: string): boolean {
  return Number.isFinite(value) && rounded(Number(value.toExponential(6)), dtype) === value
}

function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

function fromBits(bits: string): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${bits}`))
  return view.getFloat64(0)
}

function literal(value: number, dtype: string): string {
  const type = dtype === 'float64' ? '' : 'f'
  if (Number.isNaN(value)) return '((float)NAN)'
  if (!Number.isFinite(value)) return value > 0 ? 'INFINITY' : '(-INFINITY)'
  const digits = (dtype === 'float64' ? value : Number(value.toPrecision(9))).toExponential()
  return value < 0 ? `(${digits}${type})` : `${digits}${type}`
}
