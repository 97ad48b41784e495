import { callExtern, declareBuffer, loop } from '../../ir/stmt.js'
import { compute, placeholder, reduceAxis, sum } from '../../ir/te.js'
import { type TensorIntrin, tensorIntrin } from '../../ir/tensor-intrin.js'
import { add, cast, constant, type ExprLike, mul, type PrimExpr, variable } from '../../ir/tir.js'
import { DOT } from './dot-product.js'

/** What the names of functions begin with that generated C defines by `compile/c/dot-tiles.ts`: columns and lanes follow. */
export const DOT_TILE = 'tvm_node_dot'

/** A tile of sums, and how far its parts are from each other. */
export interface DotTile {
  readonly columns: number
  readonly lanes: number
  /** Parts of four bytes that each sum is of. */
  readonly quads: number
  /** Elements of data from one column to the next, in rows of them. */
  readonly step: number
}

/**
 * sums[j, i] += sum of data[j * step, k] * weight[k / 4, i, k % 4]: signed bytes, summed in 32 bits, by a function of C. That keeps the
 * tile in registers and takes instructions which multiply pairs where the processor has them.
 */
export function dotTile({ columns, lanes, quads, step }: DotTile): TensorIntrin {
  const rows = (columns - 1) * step + 1
  const data = placeholder([rows, quads * DOT], 'int8', 'data')
  const weight = placeholder([quads, lanes, DOT], 'int8', 'weight')
  const quad = reduceAxis(quads, 'quad')
  const k = reduceAxis(DOT, 'k')
  const pattern = compute([columns, lanes], (j, i) => {
    const value = data.at(mul(j as PrimExpr, step), add(mul(quad.var, DOT), k.var))
    const weigh = weight.at(quad.var, i as PrimExpr, k.var)
    return sum(mul(cast(value, 'int32'), cast(weigh, 'int32')), [quad, k])
  })
  const [rowStep, quadStep, sumStep] = ['row_step', 'quad_step', 'sum_step'].map((name) => variable(name))
  const strided = (...strides: (ExprLike | undefined)[]) => ({
    offsetFactor: 1,
    strides: strides.map((each) => (typeof each === 'number' ? constant(each, 'int32') : (each as PrimExpr))),
  })
  const [dataBuffer, weightBuffer, sums] = [
    declareBuffer([rows, quads * DOT], 'int8', 'data', strided(rowStep, 1)),
    declareBuffer([quads, lanes, DOT], 'int8', 'weight', strided(quadStep, DOT, 1)),
    declareBuffer([columns, lanes], 'int32', 'sums', strided(sumStep, 1)),
  ]
  const perform = (isMore: number) =>
    callExtern(
      `${DOT_TILE}_${columns}x${lanes}`,
      sums.pointerTo(0, 0),
      dataBuffer.pointerTo(0, 0),
      weightBuffer.pointerTo(0, 0, 0),
      sumStep as PrimExpr,
      mul(rowStep as PrimExpr, step),
      quadStep as PrimExpr,
      constant(quads, 'int32'),
      constant(isMore, 'int32'),
    )
  return tensorIntrin({
    name: `dot_tile_${columns}x${lanes}x${quads}`,
    pattern,
    buffers: [dataBuffer, weightBuffer, sums],
    body: perform(0),
    reset: loop(columns, (j) => loop(lanes, (i) => sums.store(0, j, i))),
    update: perform(1),
  })
}
