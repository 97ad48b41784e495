import type { Target } from '../../ir/target.js'
import { compute, reduceAxis, sum, type Tensor } from '../../ir/te.js'
import { add, cast, constant, floordiv, floormod, ifThenElse, lt, mul, type PrimExpr } from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import type { TvmArray, TvmValue } from '../../runtime/index.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { split } from '../../schedule-config/knob.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { type PlainArg, tensorArg } from '../../schedule-config/workload.js'
import { outDtype } from '../attrs.js'
import { registerStrategy } from '../strategy.js'
import { templated } from '../templated.js'
import { denseBlock, PACK, PACKED, rowTile, schedulePacked } from './packed-product.js'

interface ProductShape {
  readonly batches: readonly [a: number, b: number]
  readonly rows: number
  readonly depth: number
  readonly columns: number
}

function productShape(
  a: readonly number[],
  b: readonly number[],
  turnA: boolean,
  turnB: boolean,
): ProductShape {
  const [batchA, a1, a2] = a as [number, number, number]
  const [batchB, b1, b2] = b as [number, number, number]
  return {
    batches: [batchA, batchB],
    rows: turnA ? a2 : a1,
    depth: turnA ? a1 : a2,
    columns: turnB ? b1 : b2,
  }
}

/** Columns packed together: whole vectors, also where that leaves a last block that is not full. */
function packedBlock(columns: number, target: Target): number {
  const lanes = target.simdLanes32
  const fitting = denseBlock(columns, target)
  return fitting % lanes === 0 ? fitting : Math.min(2, Math.ceil(columns / lanes)) * lanes
}

/**
 * Products of matrices batch by batch: a [B or 1, M, K] and b [B or 1, N, K], or either with its last two axes exchanged.
 * The second operand is packed into blocks of columns first, filled up with zeros. Arguments: a, b, result's shape, output
 * type, whether a and b have their last axes exchanged (0 or 1; b's customary form is 1).
 */
export const batchMatmul = registerTemplate({
  name: 'batch_matmul.x86',
  compute(config, args) {
    const [a, b] = args as [Tensor, Tensor]
    const dtype = (args[3] as string) || a.dtype
    const [turnA, turnB] = [Boolean(args[4]), Boolean(args[5])]
    const { batches, rows, depth, columns } = productShape(a.shape, b.shape, turnA, turnB)
    // The second and third extent of `a`, whichever they are: as TVM's own template has it.
    config.defineSplit('tile_y', a.shape[1] as number)
    config.defineSplit('tile_x', columns)
    config.defineSplit('tile_k', a.shape[2] as number)
    const block = config.inner('tile_x')
    const packed = compute(
      [batches[1], Math.ceil(columns / block), depth, block],
      (...index) => {
        const [n, chunk, k, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr]
        const j = add(mul(chunk, block), lane)
        const value = turnB ? b.at(n, j, k) : b.at(n, k, j)
        return columns % block === 0 ? value : ifThenElse(lt(j, columns), value, constant(0, b.dtype))
      },
      { name: 'packed', tag: PACK },
    )
    const k = reduceAxis(depth, 'k')
    const product = compute(
      [Math.max(...batches), rows, columns],
      (...index) => {
        const [n, i, j] = index as [PrimExpr, PrimExpr, PrimExpr]
        const fromA = batches[0] === 1 ? 0 : n
        const x = turnA ? a.at(fromA, k.var, i) : a.at(fromA, i, k.var)
        const y = packed.at(batches[1] === 1 ? 0 : n, floordiv(j, block), k.var, floormod(j, block))
        return sum(mul(cast(x, dtype), cast(y, dtype)), [k])
      },
      { name: 'batch_matmul', tag: PACKED, attrs: { block } },
    )
    return [product]
  },
  schedule: (config, outputs, target) => schedulePacked(config, outputs, target),
  defaults(args: readonly PlainArg[], target) {
    const [a, b] = [tensorArg(args[0])?.shape ?? [], tensorArg(args[1])?.shape ?? []]
    const { rows, columns, depth } = productShape(a, b, Boolean(args[4]), Boolean(args[5]))
    const block = packedBlock(columns, target)
    return ConfigEntity.of({
      tile_y: split(-1, rowTile(rows, block, target)),
      tile_x: split(-1, block),
      tile_k: split(depth, 1),
    })
  },
})

registerStrategy('nn.batch_matmul', ({ attrs, inputs, outType, target }) => {
  const [a, b] = inputs as [Tensor, Tensor]
  const [turnA, turnB] = ['transpose_a', 'transpose_b'].map((name) => Number(attrs.get(name)))
  const shape = (outType.get('shape') as TvmArray<TvmValue>).toArray().map(extent)
  const args = [a, b, shape, outDtype(attrs, a.dtype), turnA as number, turnB as number]
  return [templated(batchMatmul, args, target)]
})
