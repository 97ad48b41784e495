import {
  access,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archiveName, BUNDLE_KEY, bundleArtifacts, bundleFiles } from '#lib/bundle/artifacts.js'
import { verifyBundle } from '#lib/bundle/check.js'
import { cachedBundleDir, findBundle } from '#lib/bundle/index.js'
import { installBundle } from '#lib/bundle/install.js'
import { hasTool } from '../support/tools.js'

let home: string
let env: NodeJS.ProcessEnv
let dir: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tvm-node-cache-'))
  env = { ...process.env, XDG_CACHE_HOME: home, TVM_HOME: undefined }
  dir = cachedBundleDir(env)
})
afterAll(() => rm(home, { recursive: true }))

/** What an installation says it does, and the bundle it leaves. */
async function install(options: { verify?: boolean } = {}): Promise<string[]> {
  const lines: string[] = []
  await installBundle({ ...options, env, onMessage: (line) => lines.push(line) })
  expect(await verifyBundle(dir, true)).toBeUndefined()
  expect(findBundle({ env }).source).toBe('cache')
  expect(await readdir(dirname(dir))).toHaveLength(1)
  return lines
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 1000)
  await file.write(Buffer.of((buffer[0] as number) ^ 1), 0, 1, 1000)
  await file.close()
}

// The cases follow each other: each starts from what the one before left.
describe.skipIf(!hasTool('mvn'))('installBundle (needs mvn)', { timeout: 300_000 }, () => {
  test('installs through Maven into an empty cache, once', async () => {
    expect((await install())[0]).toContain('libtvm.so is missing')
    expect(await install()).toEqual([])
    const names = [...bundleFiles.map((file) => file.name), 'complete.json']
    expect((await readdir(dir)).sort()).toEqual(names.sort())
    await expect(access(join(dir, 'libgcc_s.so.1'))).rejects.toThrow()
  })

  test('clears away what a killed installation left', async () => {
    // No process has this number: it is above the system's limit.
    await mkdir(join(dirname(dir), `.${BUNDLE_KEY}.999999999`, 'bundle'), { recursive: true })
    await rm(join(dir, 'libLLVM.so.19.1'))
    expect((await install())[0]).toContain('libLLVM.so.19.1 is missing')
  })

  test('notices a changed byte and a file cut short, and redoes them', async () => {
    await flipByte(join(dir, 'libtvm_runtime.so'))
    expect((await install())[0]).toContain('libtvm_runtime.so is damaged')
    await truncate(join(dir, 'libtvm.so'), 1000)
    expect(() => findBundle({ env })).toThrow('has 1000 bytes')
    expect((await install())[0]).toContain('libtvm.so has 1000 bytes')
  })

  test('notices on request a file that rotted without a trace', async () => {
    const path = join(dir, 'libtvm_runtime.so')
    const { atime, mtime } = await stat(path)
    await flipByte(path)
    await utimes(path, atime, mtime)
    const marker = JSON.parse(await readFile(join(dir, 'complete.json'), 'utf8'))
    marker['libtvm_runtime.so'] = (await stat(path)).mtimeMs
    await writeFile(join(dir, 'complete.json'), JSON.stringify(marker))
    expect((await install({ verify: true }))[0]).toContain('libtvm_runtime.so is damaged')
  })

  test('serves two installations at once', async () => {
    await rm(dir, { recursive: true })
    await Promise.all([installBundle({ env }), installBundle({ env })])
    expect(await install()).toEqual([])
  })

  test('keeps files that are right when only the marker is missing', async () => {
    await rm(join(dir, 'complete.json'))
    expect(() => findBundle({ env })).toThrow(expect.objectContaining({ code: 'ERR_NO_BUNDLE' }))
    expect(await install()).toEqual([])
  })

  test('refuses archives with other sums and keeps what was there', async () => {
    const from = await mkdtemp(join(home, 'archives-'))
    for (const artifact of bundleArtifacts) await writeFile(join(from, archiveName(artifact)), 'not it')
    await rm(join(dir, 'lld'))
    const left = await readdir(dir)
    await expect(installBundle({ from, env })).rejects.toMatchObject({ code: 'ERR_BUNDLE_DOWNLOAD' })
    expect(await readdir(dir)).toEqual(left)
    await rm(from, { recursive: true })
  })

  test('says so when there is no Maven', async () => {
    const path = process.env.PATH
    process.env.PATH = home
    try {
      await expect(installBundle({ env })).rejects.toMatchObject({
        code: 'ERR_BUNDLE_DOWNLOAD',
        message: expect.stringContaining('no `mvn` on PATH'),
      })
    } finally {
      process.env.PATH = path
    }
  })
})
