import { type Buffer, declareBuffer } from '../../ir/stmt.js'
import type { Target } from '../../ir/target.js'
import { compute, placeholder, reduceAxis, sum } from '../../ir/te.js'
import { type TensorIntrin, tensorIntrin } from '../../ir/tensor-intrin.js'
import {
  add,
  broadcast,
  call,
  cast,
  constant,
  llvmIntrinsic,
  mul,
  type PrimExpr,
  reinterpret,
  variable,
} from '../../ir/tir.js'

/** Bytes that one lane of an instruction multiplies and sums. */
export const DOT = 4

/** Lanes of the widest vector in which `target` sums products of bytes and that divides `channels`; 0 where there is none. */
export function dotLanes(channels: number, target: Target): number {
  if (!target.dotProductData) return 0
  for (let lanes: number = target.simdLanes32; lanes >= 4; lanes /= 2)
    if (channels % lanes === 0) return lanes
  return 0
}

/** Whether one instruction does it. */
export function hasDotProduct(lanes: number, target: Target): boolean {
  if (!target.isX86) return true
  if (target.has('avx512vnni') && (lanes === 16 || target.has('avx512vl'))) return true
  return lanes < 16 && target.has('avxvnni')
}

/** Registers that one product takes beside its operands. */
export function dotScratch(lanes: number, target: Target): number {
  return hasDotProduct(lanes, target) ? 0 : 4
}

/**
 * The instruction result[i] += sum of data[k] * weight[i, k] over four k: bytes, summed in 32 bits. That is `vpdpbusd` where the
 * CPU has it, and `sdot` on Arm. On other x86 CPUs bytes are widened to 16 bits for `pmaddwd`, every other one at a time, which is
 * exact; TVM's own (v0.18, python/tvm/topi/x86/tensor_intrin.py) takes `pmaddubsw`, which saturates.
 */
export function dotProduct(lanes: number, target: Target): TensorIntrin {
  const bytes = target.dotProductData ?? 'uint8'
  const data = placeholder([DOT], bytes, 'data')
  const weight = placeholder([lanes, DOT], 'int8', 'weight')
  const k = reduceAxis(DOT, 'k')
  const pattern = compute([lanes], (i) =>
    sum(mul(cast(data.at(k.var), 'int32'), cast(weight.at(i as PrimExpr, k.var), 'int32')), [k]),
  )
  const strides = [variable('row'), constant(1, 'int32')]
  const [dataBuffer, weightBuffer, sums] = [
    declareBuffer([DOT], bytes, 'data', { offsetFactor: 1, strides: [constant(1, 'int32')] }),
    declareBuffer([lanes, DOT], 'int8', 'weight', { offsetFactor: 1, strides }),
    declareBuffer([lanes], 'int32', 'sums', { offsetFactor: 1, strides: [constant(1, 'int32')] }),
  ]
  const vector = `int32x${lanes}`
  const zero = broadcast(constant(0, 'int32'), lanes)
  const accumulate = (sum: PrimExpr) =>
    sums.storeVector(addDotProducts(sum, dataBuffer, weightBuffer, target), 0)
  return tensorIntrin({
    name: `dot_product_${lanes}x${DOT}`,
    pattern,
    buffers: [dataBuffer, weightBuffer, sums],
    body: accumulate(zero),
    reset: sums.storeVector(zero, 0),
    update: accumulate(sums.vector(vector, 0)),
  })
}

/** The vector `sum` and, in each of its lanes, the products of four bytes of `data` and of that lane's row of `weight`. */
export function addDotProducts(sum: PrimExpr, data: Buffer, weight: Buffer, target: Target): PrimExpr {
  const lanes = Number(sum.dtype.replace(/.*x/, ''))
  const inputs = broadcast(reinterpret(data.vector(`${data.dtype}x${DOT}`, 0), 'int32'), lanes)
  const weights = reinterpret(weight.vector(`int8x${lanes * DOT}`, 0, 0), sum.dtype)
  return multiplyAdd(sum, inputs, weights, lanes, target)
}

/** sum + inputs * weights, four bytes in each lane of `inputs` and `weights`. */
function multiplyAdd(
  sum: PrimExpr,
  inputs: PrimExpr,
  weights: PrimExpr,
  lanes: number,
  target: Target,
): PrimExpr {
  const { dtype } = sum
  if (!target.isX86) {
    const [a, b] = [inputs, weights].map((value) => reinterpret(value, `int8x${lanes * DOT}`)) as [
      PrimExpr,
      PrimExpr,
    ]
    return llvmIntrinsic(dtype, 'llvm.aarch64.neon.sdot', sum, a, b)
  }
  if (hasDotProduct(lanes, target)) {
    return llvmIntrinsic(dtype, `llvm.x86.avx512.vpdpbusd.${lanes * 32}`, sum, inputs, weights)
  }
  const half = `int16x${lanes * 2}`
  const words = (value: PrimExpr) => reinterpret(value, half)
  const eight = broadcast(constant(8, 'int16'), lanes * 2)
  const shift = (op: 'shift_left' | 'shift_right', value: PrimExpr) => call(value.dtype, op, value, eight)
  const multiply = (a: PrimExpr, b: PrimExpr) =>
    llvmIntrinsic(dtype, MULTIPLY_ADD_WORDS[lanes] as string, a, b)
  const low = broadcast(constant(0xff, 'int16'), lanes * 2)
  const even = multiply(
    call(half, 'bitwise_and', words(inputs), low),
    shift('shift_right', shift('shift_left', words(weights))),
  )
  const unsigned = reinterpret(inputs, `u${half}`)
  const upper = call(`u${half}`, 'shift_right', unsigned, broadcast(constant(8, 'uint16'), lanes * 2))
  const odd = multiply(words(upper), shift('shift_right', words(weights)))
  return add(add(sum, even), odd)
}

const MULTIPLY_ADD_WORDS: Readonly<Record<number, string>> = {
  4: 'llvm.x86.sse2.pmadd.wd',
  8: 'llvm.x86.avx2.pmadd.wd',
  16: 'llvm.x86.avx512.pmaddw.d.512',
}
