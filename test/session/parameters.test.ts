import { expect, test } from 'vitest'
import { getGlobalFunc, NDArray, openLibrary, type TvmMap } from '#lib/runtime/index.js'
import { parameterPieces } from '#lib/session/parameters.js'
import { type Tensor, tensor } from '#lib/tensor.js'

const values: Readonly<Record<string, Tensor>> = {
  weight: tensor(Float32Array.of(1, -2, 3.5, 4, 5, 6), [2, 3]),
  scalar: tensor(BigInt64Array.of(-(2n ** 40n)), []),
  bytes: tensor(Int8Array.of(-128, 127), [1, 2, 1]),
  half: tensor(Uint16Array.of(0x3c00), [1], 'float16'),
  flags: tensor(Uint8Array.of(1, 0, 1), [3], 'bool'),
}

test('the library reads parameters as they were written', () => {
  openLibrary({ kind: 'compiler' })
  const arrays = Object.entries(values).map(([name, value]) => [name, NDArray.from(value)] as const)
  const blob = Buffer.concat(parameterPieces(new Map(arrays)))
  const read = getGlobalFunc('runtime.LoadParams')(blob) as TvmMap<string, NDArray>
  const found = Object.fromEntries([...read.entries()].map(([name, array]) => [name, array.toTensor()]))
  expect(found).toEqual(values)
  // The library's own writer gives the same bytes for one array, where there is no question of order.
  const [first] = arrays
  const one = new Map(first ? [first] : [])
  expect(Buffer.concat(parameterPieces(one)).equals(getGlobalFunc('runtime.SaveParams')(one) as Buffer)).toBe(
    true,
  )
})
