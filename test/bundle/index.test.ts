import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cachedBundleDir, findBundle } from '#lib/bundle/index.js'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tvm-node-home-'))
})
afterEach(() => rm(home, { recursive: true }))

async function touch(...path: string[]): Promise<string> {
  const file = join(home, ...path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, '')
  return file
}

describe('findBundle', () => {
  test.each([[[]], [['build']], [['lib']]] as const)(
    'finds a build of one’s own in TVM_HOME/%s',
    async (folder) => {
      const libtvm = await touch('own', ...folder, 'libtvm.so')
      const found = findBundle({ env: { TVM_HOME: join(home, 'own') } })
      expect(found).toMatchObject({ source: 'TVM_HOME', libtvm })
    },
  )

  test('TVM_HOME wins over the cache, an explicit path over both', async () => {
    await touch('own', 'libtvm.so')
    const explicit = await touch('explicit', 'libtvm_runtime.so')
    const env = { ...process.env, TVM_HOME: join(home, 'own') }
    expect(findBundle({ env: { ...env, TVM_HOME: undefined } }).source).toBe('cache')
    expect(findBundle({ env }).dir).toBe(join(home, 'own'))
    expect(findBundle({ path: join(home, 'explicit'), env })).toMatchObject({
      source: 'explicit',
      libtvmRuntime: explicit,
    })
  })

  test('the linker of the cache serves builds without one', async () => {
    await touch('own', 'libtvm.so')
    const { lld } = findBundle({ path: join(home, 'own') })
    expect(lld).toBe(join(cachedBundleDir(), 'lld'))
  })

  test('names the places and the command when there is nothing', () => {
    const env = { XDG_CACHE_HOME: home }
    expect(() => findBundle({ env })).toThrow(expect.objectContaining({ code: 'ERR_NO_BUNDLE' }))
    expect(() => findBundle({ env })).toThrow(/npm run bundle/)
    expect(() => findBundle({ env: { ...env, TVM_HOME: join(home, 'none') } })).toThrow(
      join(home, 'none', 'build'),
    )
    expect(() => findBundle({ path: join(home, 'none') })).toThrow(
      expect.objectContaining({ code: 'ERR_NO_BUNDLE' }),
    )
  })

  test('refuses a folder in the cache that is not complete', async () => {
    const env = { XDG_CACHE_HOME: home }
    await mkdir(cachedBundleDir(env), { recursive: true })
    await writeFile(join(cachedBundleDir(env), 'libtvm.so'), 'not all of it')
    expect(() => findBundle({ env })).toThrow('is not a complete bundle')
    await writeFile(join(cachedBundleDir(env), 'complete.json'), '{}')
    expect(() => findBundle({ env })).toThrow('has 13 bytes instead of 82497408')
  })
})
