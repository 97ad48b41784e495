import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { decodeNpz, encodeNpz, readNpz, writeNpz } from '#lib/npz.js'
import { type DType, dtypes, emptyTensor, tensor } from '#lib/tensor.js'

/** A version 1.0 file put together by the description of numpy.lib.format. */
function npy(descr: string, shape: string, content: Uint8Array, fortran = false): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`
  const header = `${dict.padEnd(117)}\n`
  return Uint8Array.from([
    0x93,
    ...Buffer.from('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...Buffer.from(header),
    ...content,
  ])
}
const zip = (name: string, content: Uint8Array) => zipSync({ [`${name}.npy`]: content })

describe('npz', () => {
  test.each(dtypes.filter((dtype) => dtype !== 'string'))('%s survives a round trip', (dtype: DType) => {
    const value = emptyTensor(dtype, [3, 2])
    const { data } = value
    const wide = data instanceof BigInt64Array || data instanceof BigUint64Array
    for (let i = 0; i < data.length; i++) data[i] = wide ? BigInt(i + 1) : i + 1
    expect(decodeNpz(encodeNpz({ x: value }))).toEqual({ x: value })
  })

  test('text, scalars and empty tensors survive a round trip', () => {
    const tensors = {
      text: tensor(['a', 'größer', '日本', ''], [2, 2]),
      scalar: tensor(new Float32Array([2.5]), []),
      empty: tensor(new Int32Array(0), [0, 4]),
    }
    expect(decodeNpz(encodeNpz(tensors))).toEqual(tensors)
  })

  test('types NumPy lacks travel as bytes beside an entry with type and shape', () => {
    const bytes = Buffer.from(encodeNpz({ w: tensor(new Uint16Array([1, 2]), [2], 'bfloat16') }))
    expect(bytes.includes('w.dtype.npy')).toBe(true)
    expect(bytes.includes('|u1')).toBe(true)
  })

  test.each([
    ['big endian', '>i4', '(2,)', [0, 0, 0, 1, 0, 0, 1, 0], false, tensor(new Int32Array([1, 256]))],
    [
      'column-major',
      '|u1',
      '(2, 3)',
      [1, 4, 2, 5, 3, 6],
      true,
      tensor(new Uint8Array([1, 2, 3, 4, 5, 6]), [2, 3]),
    ],
    ['bool', '|b1', '(2,)', [1, 0], false, tensor(new Uint8Array([1, 0]), [2], 'bool')],
  ])('reads %s arrays', (_name, descr, shape, content, fortran, expected) => {
    expect(decodeNpz(zip('x', npy(descr, shape, Uint8Array.from(content), fortran)))).toEqual({ x: expected })
  })

  test.each([
    ['no archive', Uint8Array.from([1, 2, 3])],
    ['a cut archive', encodeNpz({ x: tensor(new Float32Array(9)) }).subarray(0, 100)],
    ['an entry that is no array', zip('x', Uint8Array.from(Buffer.from('hello world, no array')))],
    ['objects', zip('x', npy('|O', '(1,)', new Uint8Array(8)))],
    ['too few bytes', zip('x', npy('<f4', '(3,)', new Uint8Array(8)))],
    ['a negative shape', zip('x', npy('<f4', '(-1,)', new Uint8Array(4)))],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decodeNpz(bytes)).toThrow(expect.objectContaining({ code: 'ERR_NPZ' }))
  })

  test('files are written whole or not at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'npz-'))
    try {
      const path = join(folder, 'x.npz')
      await writeNpz(path, { x: tensor(new Float32Array([1, 2])) })
      expect(await readNpz(path)).toEqual({ x: tensor(new Float32Array([1, 2])) })
      expect(await readdir(folder)).toEqual(['x.npz'])
      await expect(writeNpz(join(folder, 'none', 'x.npz'), {})).rejects.toMatchObject({
        code: 'ERR_WRITE_FAILED',
      })
      await expect(readNpz(join(folder, 'absent.npz'))).rejects.toMatchObject({ code: 'ERR_NPZ' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('archives that grow', () => {
  /** An archive with one entry whose directory claims another size. */
  function claiming(bytes: number): Uint8Array {
    const archive = Buffer.from(zipSync({ 'x.npy': new Uint8Array(1000) }, { level: 9 }))
    for (const [mark, at] of [
      [0x04034b50, 22],
      [0x02014b50, 24],
    ] as const) {
      const start = archive.indexOf(Buffer.from(Uint32Array.of(mark).buffer))
      archive.writeUInt32LE(bytes, start + at)
    }
    return archive
  }
  test.each([2 ** 20, 2 ** 31, 2 ** 32 - 2])(
    'an entry that claims %i bytes it cannot have is refused',
    (bytes) => {
      expect(() => decodeNpz(claiming(bytes))).toThrow(
        expect.objectContaining({
          code: 'ERR_NPZ',
          message: expect.stringContaining(`claims ${bytes} bytes`),
        }),
      )
    },
  )
})
