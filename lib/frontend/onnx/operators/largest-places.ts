import type { DType } from '../../../tensor.js'
import { add, emit, emitOnTuple, product, range } from '../emit.js'
import { numbers, scalar, type Value } from '../value.js'
import type { Pool } from './pooling.js'

/** All tuples of numbers below `extents`, the last running fastest. */
function tuples(extents: readonly number[]): number[][] {
  return extents.reduce<number[][]>(
    (found, extent) => found.flatMap((tuple) => range(extent).map((i) => [...tuple, i])),
    [[]],
  )
}

/** Less than or equal to every number of the type. */
function lowest(dtype: DType): Value {
  if (dtype === 'int8') return scalar(-128, dtype)
  return scalar(dtype === 'uint8' ? 0 : Number.NEGATIVE_INFINITY, dtype)
}

/**
 * Where in `data`, flat, each window has its first largest element. The places within a window are laid side by side and the
 * largest found; a place's number plus that of the window's corner is the place in the plane.
 */
export function largestPlaces(data: Value, pool: Pool, columnMajor: boolean): Value {
  const { input, kernel, strides, dilations, output, padBegin, fittedEnd } = pool
  const sum = (terms: readonly number[], factors: readonly number[]) =>
    terms.reduce((total, term, i) => total + term * (factors[i] as number), 0)
  const around = (axis: number) => input.slice(...(columnMajor ? [0, axis] : [axis + 1]))
  const steps = input.map((_, axis) => product(around(axis)))

  const width = [[0, 0], [0, 0], ...padBegin.map((begin, i) => [begin, fittedEnd[i] as number])]
  const padded = emit('nn.pad', [data, lowest(data.dtype)], { pad_width: width, pad_mode: 'constant' })
  const offsets = tuples(kernel).map((at) => at.map((k, i) => k * (dilations[i] as number)))
  const sides = offsets.map((offset) =>
    emit('strided_slice', [padded], {
      begin: offset,
      end: offset.map((at, i) => at + ((output[i] as number) - 1) * (strides[i] as number) + 1),
      strides: [...strides],
      axes: range(input.length).map((axis) => axis + 2),
      slice_mode: 'end',
    }),
  )
  const best = emit('argmax', [emitOnTuple('stack', sides, { axis: 0 })], {
    axis: [0],
    keepdims: false,
    exclude: false,
    select_last_index: false,
  })
  const within = numbers(
    offsets.map((offset) => sum(offset, steps)),
    'int64',
  )
  const corners = tuples(output).map((at) =>
    sum(
      at.map((o, i) => o * (strides[i] as number) - (padBegin[i] as number)),
      steps,
    ),
  )
  const [batch, channels] = data.shape as [number, number]
  const planes = numbers(
    range(batch * channels).map((plane) => plane * product(input)),
    'int64',
    [batch, channels, ...input.map(() => 1)],
  )
  const inPlane = add(
    emit('take', [within, best], { axis: 0, mode: 'fast' }),
    numbers(corners, 'int64', [1, 1, ...output]),
  )
  return add(inPlane, planes)
}
