import type { TvmArray, TvmObject, TvmValue } from '../../runtime/index.js'
import { emptyTensor, type Tensor } from '../../tensor.js'
import { extent } from '../type.js'
import { binary, binaryNames, cast, unaryNames, unaryOp } from './elementwise.js'
import { layoutTransform } from './layout.js'
import { broadcastStrides, compactStrides, copyInto, copyView, product } from './strided.js'

/** What an evaluation yields: its type comes from the library's own type inference. */
export interface ResultType {
  readonly shape: readonly number[]
  readonly dtype: Tensor['dtype']
}

/** Computes an operator on constants; undefined leaves the case to the library. */
export type Evaluator = (
  inputs: readonly Tensor[],
  attrs: TvmObject,
  result: ResultType,
) => Tensor | undefined

const evaluators = new Map<string, Evaluator>()

export function findEvaluator(op: string): Evaluator | undefined {
  return evaluators.get(op)
}

const reshape: Evaluator = ([x], _attrs, { shape }) =>
  x && { dtype: x.dtype, shape: [...shape], data: x.data }
for (const op of [
  'reshape',
  'contrib_reverse_reshape',
  'squeeze',
  'expand_dims',
  'nn.batch_flatten',
  'copy',
  'reshape_like',
]) {
  evaluators.set(op, reshape)
}

for (const op of binaryNames) {
  evaluators.set(op, ([a, b], _attrs, { shape, dtype }) => a && b && binary(op, a, b, shape, dtype))
}
for (const op of unaryNames) evaluators.set(op, ([x]) => x && unaryOp(op, x))
evaluators.set('cast', ([x], _attrs, { dtype }) => x && cast(x, dtype))

evaluators.set('transpose', ([x], attrs, { shape }) => {
  if (!x) return undefined
  const strides = compactStrides(x.shape)
  const rank = x.shape.length
  const axes = optionalInts(attrs, 'axes') ?? x.shape.map((_, i) => rank - 1 - i)
  return copyView(x, {
    shape,
    strides: axes.map((axis) => strides[axis < 0 ? axis + rank : axis] as number),
    offset: 0,
  })
})

evaluators.set('layout_transform', ([x], attrs) => {
  return x && layoutTransform(x, attrs.get('src_layout') as string, attrs.get('dst_layout') as string)
})

const broadcastTo: Evaluator = ([x], _attrs, { shape }) =>
  x && copyView(x, { shape, strides: broadcastStrides(x.shape, shape), offset: 0 })
evaluators.set('broadcast_to', broadcastTo)
evaluators.set('full', broadcastTo)

for (const op of ['zeros', 'ones', 'zeros_like', 'ones_like']) {
  evaluators.set(op, (_inputs, _attrs, { shape, dtype }) => {
    const result = emptyTensor(dtype, shape)
    if (op.startsWith('ones'))
      (result.data as unknown[]).fill(typeof (result.data as unknown[])[0] === 'bigint' ? 1n : 1)
    return result
  })
}

evaluators.set('concatenate', (inputs, attrs, { shape, dtype }) => {
  const rank = shape.length
  const axis = normalize(attrs.get('axis') as number, rank)
  const result = emptyTensor(dtype, shape)
  const row = product(shape.slice(axis))
  let offset = 0
  for (const input of inputs) {
    const width = product(input.shape.slice(axis))
    const block = [product(shape.slice(0, axis)), width]
    const to = { shape: block, strides: [row, 1], offset }
    copyInto(result, to, input, { shape: block, strides: [width, 1], offset: 0 })
    offset += width
  }
  return result
})

evaluators.set('take', ([x, indices], attrs, { shape, dtype }) => {
  const axisValue = attrs.get('axis')
  const batch = Number(attrs.get('batch_dims'))
  if (!x || !indices || axisValue === null || batch !== 0) return undefined
  const axis = normalize(extent(axisValue as TvmValue), x.shape.length)
  const result = emptyTensor(dtype, shape)
  const outer = product(x.shape.slice(0, axis))
  const inner = product(x.shape.slice(axis + 1))
  const length = x.shape[axis] as number
  const picks = Array.from(indices.data as ArrayLike<number | bigint>, Number)
  if (picks.some((pick) => pick < -length || pick >= length)) return undefined
  const [to, from] = [result.data as unknown[], x.data as unknown[]]
  let at = 0
  for (let n = 0; n < outer; n++) {
    for (const pick of picks) {
      const start = (n * length + (pick < 0 ? pick + length : pick)) * inner
      for (let i = 0; i < inner; i++) to[at++] = from[start + i]
    }
  }
  return result
})

function normalize(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

function optionalInts(attrs: TvmObject, name: string): number[] | undefined {
  const value = attrs.get(name)
  return value === null ? undefined : (value as TvmArray<TvmValue>).toArray().map(extent)
}
