import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ZipArchive } from '#lib/bundle/zip.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tvm-node-zip-'))
})
afterEach(() => rm(dir, { recursive: true }))

async function archive(bytes: Uint8Array): Promise<string> {
  const path = join(dir, 'a.zip')
  await writeFile(path, bytes)
  return path
}

describe('ZipArchive', () => {
  const noise = new Uint8Array(randomBytes(300_000))
  const text = new TextEncoder().encode('abc'.repeat(100_000))

  test.each([
    ['stored', 0, noise],
    ['deflated', 9, text],
    ['empty', 9, new Uint8Array()],
  ] as const)('writes a %s entry with its mode and sum', async (_name, level, data) => {
    const packed = zipSync(
      { other: [text, { level: 6 }], 'folder/entry': [data, { level }] },
      { comment: 'a comment' },
    )
    const zip = await ZipArchive.open(await archive(packed))
    const target = join(dir, 'out')
    const sum = await zip.extract('folder/entry', target, 0o755)
    await zip.close()
    expect(sum).toBe(createHash('sha256').update(data).digest('hex'))
    expect(Buffer.compare(await readFile(target), data)).toBe(0)
    expect((await stat(target)).mode & 0o777).toBe(0o755)
  })

  test('refuses what is not there, what is no archive and what ends early', async () => {
    const packed = zipSync({ entry: text })
    const zip = await ZipArchive.open(await archive(packed))
    await expect(zip.extract('missing', join(dir, 'x'), 0o644)).rejects.toThrow('no entry missing')
    await zip.close()
    await expect(ZipArchive.open(await archive(noise))).rejects.toThrow('no zip archive')
    await expect(ZipArchive.open(await archive(packed.subarray(0, packed.length / 2)))).rejects.toThrow(
      'no zip archive',
    )
  })
})
