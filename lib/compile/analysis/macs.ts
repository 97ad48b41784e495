import { type Call, Constant, type Expr, Op, shapeOf } from '../../ir/relay.js'
import { elementCount } from '../../tensor.js'

/**
 * Multiplications with an addition that a call takes, 0 for operators that have none to speak of. TVM's own count
 * (TVM v0.18, src/relay/analysis/mac_count.cc) knows fewer operators and layouts.
 */
export function macsOf(call: Call): number {
  if (!(call.op instanceof Op)) return 0
  const name = call.op.name.replace(/^qnn\./, 'nn.')
  if (/^nn\.conv\dd$/.test(name)) return convolution(call)
  if (/^nn\.conv\dd_transpose$/.test(name)) return transposed(call)
  if (name === 'nn.dense') return elementCount(shapeOf(call)) * last(call, 0)
  if (name === 'nn.matmul' || name === 'nn.batch_matmul') {
    const axis = call.attrs.get('transpose_a') ? 2 : 1
    return elementCount(shapeOf(call)) * (shapeOf(call.args[0] as Expr).at(-axis) ?? 1)
  }
  return 0
}

/** Each element of the output takes all of the kernel that belongs to its channel. */
function convolution(call: Call): number {
  return elementCount(shapeOf(call)) * kernelPer('O', call)
}

/** Each element of the input meets all of the kernel that belongs to its channel. */
function transposed(call: Call): number {
  return elementCount(shapeOf(call.args[0] as Expr)) * kernelPer('I', call)
}

function kernelPer(axis: 'O' | 'I', call: Call): number {
  const shape = shapeOf(call.args[1] as Expr)
  const layout = String(call.attrs.get('kernel_layout') || 'OI').replace(/[^A-Z]/g, '')
  const channels = shape[layout.indexOf(axis)] ?? 1
  return elementCount(shape) / Math.max(channels, 1)
}

function last(call: Call, argument: number): number {
  return shapeOf(call.args[argument] as Expr).at(-1) ?? 1
}

/** Constants among the arguments: weights, biases, tables. */
export function constantsOf(call: Call): Constant[] {
  return call.args.filter((argument) => argument instanceof Constant)
}
