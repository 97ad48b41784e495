import { TvmNodeError } from '../errors.js'
import { Tensor } from '../ir/te.js'

/** An argument of a template in a record: a tensor by shape and type, or a plain value. */
export type PlainArg = string | number | boolean | null | readonly PlainArg[]

/** An argument of a template while it computes. */
export type TemplateArg = Tensor | string | number | boolean | null | readonly TemplateArg[]

/** What is to be computed: a template and its arguments. */
export interface Workload {
  /** The template's name, for example `conv2d_NCHWc.x86`. */
  readonly task: string
  readonly args: readonly PlainArg[]
}

const TENSOR = 'TENSOR'

/** Arguments as records have them (TVM v0.18, python/tvm/autotvm/task/task.py, serialize_args). */
export function plainArgs(args: readonly TemplateArg[]): PlainArg[] {
  return args.map(plain)
}

function plain(arg: TemplateArg): PlainArg {
  if (arg instanceof Tensor) return [TENSOR, arg.shape, arg.dtype]
  return Array.isArray(arg) ? arg.map(plain) : (arg as PlainArg)
}

export interface TensorArg {
  readonly shape: readonly number[]
  readonly dtype: string
}

/** The tensor that an argument stands for, if it is one. */
export function tensorArg(arg: PlainArg | undefined): TensorArg | undefined {
  if (!Array.isArray(arg) || arg[0] !== TENSOR) return undefined
  const [, shape, dtype] = arg as readonly PlainArg[]
  return { shape: shape as readonly number[], dtype: dtype as string }
}

/** The tensor that an argument must stand for. @throws `ERR_INVALID_CONFIG` */
export function theTensor(arg: PlainArg | undefined): TensorArg {
  const tensor = tensorArg(arg)
  if (tensor) return tensor
  throw new TvmNodeError(
    'ERR_INVALID_CONFIG',
    `expected a tensor among the arguments, got ${JSON.stringify(arg)}`,
  )
}

export function tensorPlainArg(shape: readonly number[], dtype: string): PlainArg {
  return [TENSOR, shape, dtype]
}

/**
 * Equal workloads have equal keys. As for TVM's own dispatch, which compares Python values, true is 1 and false 0.
 */
export function workloadKey({ task, args }: Workload): string {
  return JSON.stringify([task, ...args], (_name, value) =>
    typeof value === 'boolean' ? Number(value) : value,
  )
}

/** For people: the task and the shapes it works on. */
export function describeWorkload({ task, args }: Workload): string {
  const words = args.map((arg) => {
    const tensor = tensorArg(arg)
    return tensor ? `${tensor.shape.join('x')}:${tensor.dtype}` : arg === null ? '' : JSON.stringify(arg)
  })
  return [task, ...words.filter(Boolean)].join(' ')
}
