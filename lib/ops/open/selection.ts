import { allocate, type Buffer, extern, loop, type Stmt, sequence, when } from '../../ir/stmt.js'
import type { Tensor } from '../../ir/te.js'
import {
  add,
  all,
  cast,
  constant,
  div,
  type ExprLike,
  eq,
  gt,
  ifThenElse,
  lt,
  max,
  min,
  mul,
  ne,
  type PrimExpr,
  sub,
} from '../../ir/tir.js'
import { outputExtents, productOf, registerExtern, unravel } from '../cpu/extern.js'
import { OpPattern, registerPattern } from '../strategy.js'

const INDEX = 'int32'

// The places [found, rank] of elements that are not zero, in row-major order.
registerExtern('argwhere', (_attrs, [condition], { outType }) => {
  const x = condition as Tensor
  const [found] = outputExtents(outType)
  return extern(
    [x],
    [{ shape: [found as ExprLike, x.dims.length], dtype: 'int32' }],
    (inputs, outputs) => {
      const [source, places] = [inputs[0] as Buffer, outputs[0] as Buffer]
      return allocate(1, INDEX, (count) =>
        sequence(
          count.store(0, 0),
          loop(productOf(x.extents), (i) => {
            const at = unravel(i, x.extents)
            const value = source.at(...at)
            return when(
              ne(value, constant(0, value.dtype)),
              sequence(
                ...at.map((place, axis) => places.store(cast(place, 'int32'), count.at(0), axis)),
                count.store(add(count.at(0), 1), 0),
              ),
            )
          }),
        ),
      )
    },
    'argwhere',
  )
})

interface Corners {
  readonly low: readonly [PrimExpr, PrimExpr]
  readonly high: readonly [PrimExpr, PrimExpr]
}

/** A box by its corners, whichever two opposite ones are given. */
function corners(boxes: Buffer, batch: PrimExpr, box: PrimExpr): Corners {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => boxes.at(batch, box, i)) as [
    PrimExpr,
    PrimExpr,
    PrimExpr,
    PrimExpr,
  ]
  return { low: [min(a, c), min(b, d)], high: [max(a, c), max(b, d)] }
}
const area = ({ low, high }: Corners) => mul(sub(high[0], low[0]), sub(high[1], low[1]))

/** Whether two boxes share more of their union than `threshold`. */
function overlaps(a: Corners, b: Corners, threshold: PrimExpr): PrimExpr {
  const zero = constant(0, threshold.dtype)
  const side = (axis: 0 | 1) => max(sub(min(a.high[axis], b.high[axis]), max(a.low[axis], b.low[axis])), zero)
  const common = mul(side(0), side(1))
  return all(gt(common, zero), gt(div(common, sub(add(area(a), area(b)), common)), threshold))
}

/**
 * Boxes [batch, boxes, 4] and scores [batch, classes, boxes] to indices (batch, class, box), the best of each class first, and
 * their number; what is behind that number is not written (ONNX 1.16, operator NonMaxSuppression).
 */
registerExtern('vision.all_class_non_max_suppression', (_attrs, inputs) => {
  const [boxes, scores, limit, overlap, lowest] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor]
  const [batches, classes, count] = scores.extents as [ExprLike, ExprLike, ExprLike]
  const one = (buffer: Buffer, tensor: Tensor) => (tensor.dims.length === 0 ? buffer.at() : buffer.at(0))
  return extern(
    [boxes, scores, limit, overlap, lowest],
    [
      { shape: [productOf([batches, classes, count]), 3], dtype: 'int64' },
      { shape: [1], dtype: 'int64' },
    ],
    (read, written) => {
      const [corner, score, most, iou, least] = read as [Buffer, Buffer, Buffer, Buffer, Buffer]
      const [places, total] = written as [Buffer, Buffer]
      const threshold = one(iou, overlap)
      const select = (batch: PrimExpr, label: PrimExpr, state: Buffer, best: Buffer): Stmt => {
        // One round finds the best candidate that is left, notes it, and drops what it covers.
        const search = loop(count, (i) =>
          when(
            all(
              eq(state.at(i), 0),
              gt(
                score.at(batch, label, i),
                ifThenElse(lt(best.at(0), 0), one(least, lowest), score.at(batch, label, max(best.at(0), 0))),
              ),
            ),
            best.store(i, 0),
          ),
        )
        const chosen = best.at(0)
        const note = sequence(
          ...[batch, label, chosen].map((value, axis) =>
            places.store(cast(value as PrimExpr, 'int64'), total.at(0), axis),
          ),
          total.store(add(total.at(0), 1), 0),
          state.store(1, chosen),
          loop(count, (i) =>
            when(
              all(
                eq(state.at(i), 0),
                overlaps(corners(corner, batch, chosen), corners(corner, batch, i), threshold),
              ),
              state.store(1, i),
            ),
          ),
        )
        const rounds = min(cast(one(most, limit), 'int32'), index32(count))
        return sequence(
          loop(count, (i) => state.store(0, i)),
          best.store(0, 0),
          loop(rounds, () =>
            when(ne(best.at(0), -1), sequence(best.store(-1, 0), search, when(ne(best.at(0), -1), note))),
          ),
        )
      }
      return allocate(count, 'int32', (state) =>
        allocate(1, INDEX, (best) =>
          sequence(
            total.store(0, 0),
            loop(batches, (batch) => loop(classes, (label) => select(batch, label, state, best))),
          ),
        ),
      )
    },
    'all_class_non_max_suppression',
  )
})
const index32 = (value: ExprLike) =>
  typeof value === 'number' ? constant(value, 'int32') : cast(value, 'int32')

registerPattern('vision.all_class_non_max_suppression', OpPattern.OPAQUE)
