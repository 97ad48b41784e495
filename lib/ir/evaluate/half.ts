import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '../../float16.js'
import type { DType, Tensor } from '../../tensor.js'

/** The 16-bit floats are computed with in single precision, as the library's generated code does. */
type Half = 'float16' | 'bfloat16'

export function isHalf(dtype: DType): dtype is Half {
  return dtype === 'float16' || dtype === 'bfloat16'
}

/** 16-bit floats as float32; other tensors as they are. */
export function widen(x: Tensor): Tensor {
  if (!isHalf(x.dtype)) return x
  const bits = x.data as Uint16Array
  return {
    dtype: 'float32',
    shape: x.shape,
    data: x.dtype === 'float16' ? decodeFloat16(bits) : decodeBfloat16(bits),
  }
}

/** float32 rounded to a 16-bit type; for other types the tensor as it is. */
export function narrow(x: Tensor, dtype: DType): Tensor {
  if (!isHalf(dtype)) return x
  const values = x.data as Float32Array
  return {
    dtype,
    shape: x.shape,
    data: dtype === 'float16' ? encodeFloat16(values) : encodeBfloat16(values),
  }
}
