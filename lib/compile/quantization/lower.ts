import { Call, callOp, Expr, type Func, Op, shapeOf, Tuple, tuple } from '../../ir/relay.js'
import { rewrite } from '../../ir/rewrite.js'
import { int } from '../../ops/attrs.js'
import { shifted, toSigned } from './arithmetic.js'
import {
  type Form,
  floatQuantize,
  type Grid,
  type Quantized,
  quantizeForm,
  realNumbers,
  unsigned,
} from './form.js'
import { parameter } from './parameter.js'
import { type FormRule, type Forms, moves, rules } from './rules.js'

export interface QuantizationOptions {
  /** Compute with integers between quantised tensors; else in floats, step by step as the network says. */
  readonly integers: boolean
  /** Multiply unsigned by signed bytes, whatever the network's types, as x86 does it best. */
  readonly mixed: boolean
}

/**
 * Replaces `qnn` operators by plain ones. Where a network dequantises, computes and quantises again, the computation is done
 * with the integers; where it does not, in floats. Rounding is that of ONNX Runtime: ties to even.
 */
export function lowerQuantization(main: Func, options: QuantizationOptions): Func {
  const lowering = new Lowering(options)
  return rewrite(main, (expr) => lowering.visit(expr))
}

class Lowering implements Forms {
  readonly mixed: boolean
  readonly #integers: boolean
  /** How rewritten real expressions came about, by address; the expression is kept so that its address stays taken. */
  readonly #forms = new Map<number, { expr: Expr; form: Form }>()
  /** Unsigned bytes that rewritten signed ones are only views of. */
  readonly #unsigned = new Map<number, { expr: Expr; integers: Expr }>()

  constructor({ integers, mixed }: QuantizationOptions) {
    this.#integers = integers
    this.mixed = mixed
  }

  of(expr: Expr): Form | undefined {
    return this.#forms.get(expr.address)?.form
  }

  visit(expr: Expr): Expr {
    if (!(expr instanceof Call) || !(expr.op instanceof Op)) return expr
    const { name } = expr.op
    if (name === 'qnn.dequantize') return this.#dequantize(expr)
    if (name === 'qnn.quantize') return this.#quantize(expr)
    const rule = rules.get(name)
    if (!rule || (!this.#integers && !name.startsWith('qnn.'))) return expr
    return this.#apply(rule, expr) ?? this.#moveBytes(name, expr) ?? expr
  }

  #apply(rule: FormRule, expr: Call): Expr | undefined {
    const result = rule(expr, this)
    return result instanceof Expr || !result ? result : this.#note(result)
  }

  #note(form: Form): Expr {
    const expr = realNumbers(form)
    this.#forms.set(expr.address, { expr, form })
    return expr
  }

  /** Gives back signed bytes of a network that are computed as unsigned ones. */
  #asSigned(integers: Expr): Expr {
    const expr = toSigned(integers)
    this.#unsigned.set(expr.address, { expr, integers })
    return expr
  }

  #dequantize(expr: Call): Expr {
    const [x, scale, zero] = expr.args as [Expr, Expr, Expr]
    const axis = axisOf(expr, x)
    const form: Quantized = {
      kind: 'quantized',
      integers: x,
      scale: parameter(scale),
      zero: parameter(zero),
      axis,
    }
    if (!this.#integers) return realNumbers(form)
    const bytes = this.#unsigned.get(x.address)?.integers
    if (bytes) return this.#note({ ...form, integers: bytes, zero: shifted(form.zero, 128) })
    return this.#note(form)
  }

  #quantize(expr: Call): Expr {
    const [x, scale, zero] = expr.args as [Expr, Expr, Expr]
    const dtype = expr.attrs.get('out_dtype') as string
    const grid: Grid = { scale: parameter(scale), zero: parameter(zero), axis: axisOf(expr, x), dtype }
    if (!this.#integers) return floatQuantize(x, grid)
    const flip = this.mixed && dtype === 'int8'
    const own = flip ? { ...grid, dtype: 'uint8', zero: shifted(grid.zero, 128) } : grid
    const integers = this.#place(x, own)
    return flip ? this.#asSigned(integers) : integers
  }

  #place(x: Expr, grid: Grid): Expr {
    let form = this.of(x)
    if (form?.kind === 'quantized' && grid.dtype === 'uint8') form = unsigned(form)
    const integers = form && quantizeForm(form, grid)
    if (integers) return integers
    if (grid.scale.isScalar && x instanceof Call && x.op instanceof Op && x.op.name === 'concatenate') {
      const [fields] = x.args
      if (fields instanceof Tuple) {
        return callOp(x.op, [tuple(fields.fields.map((field) => this.#place(field, grid)))], x.attrs)
      }
    }
    return floatQuantize(x, grid)
  }

  /** Moves the unsigned bytes below a view of signed ones, where a network moves quantised tensors. */
  #moveBytes(name: string, expr: Call): Expr | undefined {
    if (!this.mixed || !moves.has(name)) return undefined
    const [x, ...rest] = expr.args as [Expr, ...Expr[]]
    const below = (of: Expr) => this.#unsigned.get(of.address)?.integers
    if (x instanceof Tuple) {
      const fields = x.fields.map(below)
      if (!fields.every((field) => field !== undefined)) return undefined
      return this.#asSigned(callOp(expr.op, [tuple(fields), ...rest], expr.attrs))
    }
    const bytes = below(x)
    return bytes && this.#asSigned(callOp(expr.op, [bytes, ...rest], expr.attrs))
  }
}

function axisOf(expr: Call, x: Expr): number {
  const axis = int(expr.attrs, 'axis')
  return axis < 0 ? axis + shapeOf(x).length : axis
}

/** Whether a function has quantised tensors. */
export function isQuantized(main: Func): boolean {
  let found = false
  rewrite(main, (expr) => {
    if (expr instanceof Call && expr.op instanceof Op && expr.op.name.startsWith('qnn.')) found = true
    return expr
  })
  return found
}
