import { describe, expect, test } from 'vitest'
import { float8Values, isFloat8, type NarrowType, narrowNumbers } from '#lib/narrow.js'
import { openLibrary } from '#lib/runtime/index.js'
import { dataLength, type Tensor, tensor } from '#lib/tensor.js'
import { type NodeDescription, onnxModel } from '../support/onnx-writer.js'
import { expectClose, runHere, runReference } from '../support/run-onnx.js'

openLibrary()

/** `TensorProto.DataType`. */
const numberOf: Record<NarrowType | 'float32', number> = {
  float32: 1,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
}
const float8 = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'] as const

/** Midpoints between neighbours, the limits of each format, subnormal numbers, what is no number. */
const awkward = [
  0,
  -0,
  1,
  -1,
  447,
  448,
  455.9,
  464,
  464.1,
  240,
  248,
  247.9,
  57344,
  61439,
  1e9,
  -1e9,
  2 ** -6,
  2 ** -7,
  2 ** -9,
  2 ** -10,
  1.5 * 2 ** -10,
  2 ** -14,
  2 ** -16,
  2 ** -17,
  2 ** -18,
  3 * 2 ** -18,
  -(2 ** -17),
  1e-30,
  1.0625,
  1.1875,
  1.125,
  1.3,
  0.1,
  -0.7,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
]
const sweep = Array.from({ length: 300 }, (_, i) => Math.sin(i) * 2 ** ((i % 40) - 20))
const x = tensor(Float32Array.from([...awkward, ...sweep]))
/** Just beyond the largest numbers ONNX Runtime does not always follow ONNX's table where it does not saturate. */
const unclear = (size: number) => (size > 448 && size < 512) || (size > 57344 && size < 65536)
const clear = tensor((x.data as Float32Array).filter((value) => !unclear(Math.abs(value))))

function model(
  nodes: NodeDescription[],
  inputs: Record<string, Tensor>,
  initializers: Record<string, Tensor> = {},
) {
  const types = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => [name, { dtype, shape }]),
  )
  return onnxModel({ opset: 21, nodes, inputs: types, outputs: ['y'], initializers })
}

describe('casts', () => {
  test.each(float8.flatMap((dtype) => [0, 1].map((saturate) => [dtype, saturate] as const)))(
    'to %s with saturate %i and back agree with ONNX Runtime',
    async (dtype, saturate) => {
      const input = saturate ? x : clear
      const both = model(
        [
          { op: 'Cast', inputs: ['x'], outputs: ['h'], attrs: { to: numberOf[dtype], saturate } },
          { op: 'Cast', inputs: ['h'], outputs: ['y'], attrs: { to: 1 } },
        ],
        { x: input },
      )
      expectClose(runHere(both, { x: input }), await runReference(both, { x: input }), { rtol: 0, atol: 0 })
    },
  )

  // ONNX's table: beyond the largest number comes no number, in E5M2 infinity. ONNX Runtime differs for these two.
  test.each([
    ['float8e4m3fn', 480, Number.NaN],
    ['float8e5m2', 61440, Number.POSITIVE_INFINITY],
    ['float8e5m2', -61440, Number.NEGATIVE_INFINITY],
  ] as const)('to %s do not saturate where they are not to: %d', (dtype, value, expected) => {
    const input = tensor(Float32Array.of(value))
    const cast = model(
      [{ op: 'Cast', inputs: ['x'], outputs: ['y'], attrs: { to: numberOf[dtype], saturate: 0 } }],
      { x: input },
    )
    const { y } = runHere(cast, { x: input })
    expect(float8Values(dtype)[Number(y?.data[0])]).toBe(expected)
  })

  test.each(float8)('of every code of %s give what it stands for', async (dtype) => {
    const codes = tensor(
      Uint8Array.from({ length: 256 }, (_, i) => i),
      [256],
      dtype,
    )
    const stored = model([{ op: 'Cast', inputs: ['c'], outputs: ['y'], attrs: { to: 1 } }], {}, { c: codes })
    const expected = await runReference(stored, {})
    expect(Array.from(expected.y?.data as Float32Array)).toEqual(Array.from(narrowNumbers(codes)))
    const given = model([{ op: 'Cast', inputs: ['c'], outputs: ['y'], attrs: { to: 1 } }], { c: codes })
    const bytes = tensor(codes.data as Uint8Array)
    expect(runHere(given, { c: bytes }).y?.data).toEqual(expected.y?.data)
  })

  test.each(['int4', 'uint4'] as const)('to %s and out are packed, low half first', (dtype) => {
    const values = tensor(Float32Array.of(-9, -8, -1.5, 0.5, 1.5, 7, 8))
    const cast = model([{ op: 'Cast', inputs: ['x'], outputs: ['y'], attrs: { to: numberOf[dtype] } }], {
      x: values,
    })
    const bytes = runHere(cast, { x: values }).y?.data
    // Rounded to even and limited; -8 is 8, -2 is 14 of 16.
    const expected = dtype === 'int4' ? [0x88, 0x0e, 0x72, 0x07] : [0x00, 0x00, 0x72, 0x08]
    expect(bytes).toEqual(Uint8Array.from(expected))
  })
})

describe('quantisation', () => {
  const scale = tensor(Float32Array.of(0.25), [])
  test.each([...float8, 'int4', 'uint4'] as const)(
    'to %s and back agrees with ONNX Runtime',
    async (dtype) => {
      const isFloat = isFloat8(dtype)
      const zero = tensor(new Uint8Array(dataLength(dtype, [])).fill(isFloat ? 0 : 3), [], dtype)
      const input = tensor(Float32Array.from({ length: 37 }, (_, i) => (i - 18) * 0.23))
      const both = model(
        [
          { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
          { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['y'] },
        ],
        { x: input },
        { s: scale, z: zero },
      )
      expectClose(runHere(both, { x: input }), await runReference(both, { x: input }), { rtol: 0, atol: 0 })
    },
  )

  test('weights of 4 bits, block by block and an odd number of them', () => {
    // 3 rows of 5; low half first.
    const packed = Uint8Array.of(0x21, 0x43, 0xf5, 0xde, 0x8c, 0x70, 0x16, 0x0a)
    const q = tensor(packed, [3, 5], 'int4')
    const s = tensor(Float32Array.of(1, 10, 100, 1000, 10000, 0.5), [3, 2])
    const m = model(
      [
        { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['d'], attrs: { axis: 1, block_size: 3 } },
        { op: 'Transpose', inputs: ['d'], outputs: ['y'], attrs: { perm: [0, 1] } },
      ],
      {},
      { q, s },
    )
    const wanted = [1, 2, 3, 40, 50, -100, -200, -300, -4000, -8000, 0, 70000, 60000, 0.5, -3]
    expect(Array.from(runHere(m, {}).y?.data as Float32Array)).toEqual(wanted)
  })
})

test('operators that move elements move them; those that compute refuse', () => {
  const q = tensor(Uint8Array.of(0x21, 0x43, 0x65), [2, 3], 'int4')
  const moved = model(
    [{ op: 'Transpose', inputs: ['q'], outputs: ['y'], attrs: { perm: [1, 0] } }],
    {},
    { q },
  )
  expect(runHere(moved, {}).y?.data).toEqual(Uint8Array.of(0x41, 0x52, 0x63))
  const computed = model([{ op: 'Add', inputs: ['q', 'q'], outputs: ['y'] }], {}, { q })
  expect(() => runHere(computed, {})).toThrow(/Add.*values of int4 are not supported/)
})
