import { getOp } from '../../ir/op.js'
import {
  add,
  constant,
  div,
  gt,
  letIn,
  lt,
  mul,
  type PrimExpr,
  reinterpret,
  select,
  shiftLeft,
  shiftRight,
  sub,
} from '../../ir/tir.js'
import { getGlobalFunc, type PackedFunc, type TvmArray, type TvmObject } from '../../runtime/index.js'

/**
 * Elementary functions of single precision as arithmetic, which LLVM has for vectors of any width; its own go to the C library
 * an element at a time. Infinities and NaN come out as they should. Largest errors: 2 units in the last place for exp, 4 for tanh,
 * 8 for erf.
 */
const functions: Readonly<Record<string, (x: PrimExpr) => PrimExpr>> = {
  exp: expOf,
  tanh: tanhOf,
  erf: erfOf,
}

/** Where the library looks for the lowering of an operator for LLVM, in its order (TVM v0.18, src/tir/transforms/lower_intrin.cc). */
const attributes = ['llvm.FLowerIntrinsic', 'llvm.FLegalize', 'default.FLowerIntrinsic', 'default.FLegalize']
const PREFERRED = 15

/** Has LLVM code take the functions above. Once per process. */
export function installVectorMath(): void {
  for (const [name, lower] of Object.entries(functions)) {
    const op = getOp(`tir.${name}`)
    const before = attributes
      .map((key) => getGlobalFunc('ir.OpGetAttr')(op, key) as PackedFunc | null)
      .find((found) => found !== null)
    const rule = (expr: TvmObject) => {
      const [x] = (expr.get('args') as TvmArray<PrimExpr>).toArray() as [PrimExpr]
      return isSingle(x.dtype) ? letIn(x, lower) : before?.(expr)
    }
    getGlobalFunc('ir.RegisterOpAttr')(op.name, attributes[0] as string, rule as never, PREFERRED)
  }
}

function isSingle(dtype: string): boolean {
  return /^float32(x\d+)?$/.test(dtype)
}

/** Of the same shape as `x`. */
const number = (value: number, x: PrimExpr) => constant(value, x.dtype)

function polynomial(x: PrimExpr, coefficients: readonly number[]): PrimExpr {
  const [first, ...rest] = coefficients as [number, ...number[]]
  return rest.reduce<PrimExpr>((sum, next) => add(mul(sum, x), number(next, x)), number(first, x))
}

/** x within bounds; NaN stays, since comparisons with it are false. */
function within(x: PrimExpr, low: number, high: number): PrimExpr {
  const below = select(gt(x, number(high, x)), number(high, x), x)
  return select(lt(x, number(low, x)), number(low, x), below)
}

// Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
const ROUNDING = 12_582_912
const ROUNDING_BITS = 0x4b400000
// ln 2 in two parts, the first with few bits so that its multiples are exact.
const LN2_HIGH = 0.693359375
const LN2_LOW = -2.1219444e-4

/** 2^n e^r with |r| <= ln(2)/2, e^r by a polynomial (Cephes, expf). */
function expOf(unbounded: PrimExpr): PrimExpr {
  const integers = unbounded.dtype.replace('float', 'int')
  const int = (value: number) => constant(value, integers)
  // Beyond these all results are infinite, or zero.
  return letIn(within(unbounded, -104, 89), (x) =>
    letIn(add(mul(x, number(Math.LOG2E, x)), number(ROUNDING, x)), (rounded) =>
      letIn(sub(rounded, number(ROUNDING, x)), (n) => {
        const r = sub(sub(x, mul(n, number(LN2_HIGH, x))), mul(n, number(LN2_LOW, x)))
        return letIn(r, (rest) => {
          const tail = polynomial(
            rest,
            [
              1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
              5.0000001201e-1,
            ],
          )
          const power = add(add(mul(mul(rest, rest), tail), rest), number(1, x))
          return letIn(sub(reinterpret(rounded, integers), int(ROUNDING_BITS)), (exponent) => {
            // In two factors: 2^n itself may be too large, or too small, while the product is not.
            const half = shiftRight(exponent, int(1))
            const scale = (k: PrimExpr) => reinterpret(shiftLeft(add(k, int(127)), int(23)), x.dtype)
            return mul(mul(power, scale(half)), scale(sub(exponent, half)))
          })
        })
      }),
    ),
  )
}

/** An odd polynomial near zero, where 1 - 2 / (e^2x + 1) would cancel (Cephes, tanhf). */
function tanhOf(x: PrimExpr): PrimExpr {
  return letIn(mul(x, x), (square) => {
    const near = add(
      mul(
        mul(
          polynomial(
            square,
            [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
          ),
          square,
        ),
        x,
      ),
      x,
    )
    const far = sub(number(1, x), div(number(2, x), add(expOf(add(x, x)), number(1, x))))
    return select(lt(square, number(0.625 * 0.625, x)), near, far)
  })
}

/** x P(x^2) / Q(x^2) up to where erf is 1 in single precision (coefficients of Eigen's erf). */
function erfOf(unbounded: PrimExpr): PrimExpr {
  return letIn(within(unbounded, -4, 4), (x) =>
    letIn(mul(x, x), (square) => {
      const over = polynomial(
        square,
        [
          -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
          -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
        ],
      )
      const under = polynomial(
        square,
        [
          -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3,
          -1.42647390514189e-2,
        ],
      )
      return div(mul(x, over), under)
    }),
  )
}
