import { expect, test } from 'vitest'
import { splitBatch } from '#lib/backend/batches.js'
import { type DType, type Tensor, tensor } from '#lib/tensor.js'

const info = (name: string, shape: number[], dtype: DType = 'float32') => ({ name, shape, dtype })
const counting = (shape: number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
  )

/** Runs a network that doubles its input, piece by piece. */
function doubled(x: Tensor, step: number): { calls: number[][]; y: Tensor } {
  const [, ...rest] = x.shape
  const { pieces, join } = splitBatch({ x }, [info('x', [step, ...rest])])
  const outputs = pieces.map((piece) => {
    const { data, shape } = piece.x as Tensor
    return {
      y: tensor(
        (data as Float32Array).map((value) => 2 * value),
        shape,
      ),
    }
  })
  return { calls: pieces.map((piece) => [...(piece.x as Tensor).shape]), y: join(outputs).y as Tensor }
}

test.each([
  [1, 1, 1],
  [7, 1, 7],
  [8, 4, 2],
  [7, 4, 2],
  [2, 4, 1],
  [1, 4, 1],
])('a batch of %i on a network of batch %i takes %i runs', (size, step, runs) => {
  const x = counting([size, 3])
  const { calls, y } = doubled(x, step)
  expect(calls).toEqual(Array.from({ length: runs }, () => [step, 3]))
  expect(y.shape).toEqual([size, 3])
  expect([...(y.data as Float32Array)]).toEqual([...(x.data as Float32Array)].map((value) => 2 * value))
})

test('a short piece is filled with its last sample, of which nothing is left in the result', () => {
  const { pieces } = splitBatch({ x: counting([3, 1]) }, [info('x', [2, 1])])
  expect(pieces[1]).toMatchObject({ x: { shape: [2, 1], data: Float32Array.of(2, 2) } })
})

test('inputs that fit go with every piece', () => {
  const shared = counting([4])
  const { pieces } = splitBatch({ x: counting([2, 3]), w: shared }, [info('x', [1, 3]), info('w', [4])])
  expect(pieces.map(({ w }) => w)).toEqual([shared, shared])
})

test('integers of 64 bits and bool are cut too', () => {
  const ids = tensor(BigInt64Array.of(1n, 2n, 3n), [3])
  const { pieces, join } = splitBatch({ ids }, [info('ids', [1], 'int64')])
  expect(pieces).toHaveLength(3)
  expect((join(pieces).ids as Tensor).data).toEqual(ids.data)
})

test('batches of different sizes are refused', () => {
  const inputs = { a: counting([2, 3]), b: counting([4, 3]) }
  expect(() => splitBatch(inputs, [info('a', [1, 3]), info('b', [1, 3])])).toThrow(/batches of 2 and 4/)
})

test('an output without a batch axis cannot be put together', () => {
  const { join } = splitBatch({ x: counting([2, 3]) }, [info('x', [1, 3])])
  const scalar = { loss: tensor(new Float32Array(1), []) }
  expect(() => join([scalar, scalar])).toThrow(/'loss' of shape \[\] has no batch axis/)
})

test('what does not fit in other ways is left to the check of the network', () => {
  const inputs = { x: counting([2, 4]) }
  expect(splitBatch(inputs, [info('x', [1, 3])]).pieces).toEqual([inputs])
})
