import { execFile, fork } from 'node:child_process'
import { copyFile, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'libsql'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ResultStore } from '#lib/results/store.js'
import { scratchFolder } from '../support/scratch.js'
import { smallDisk } from '../support/small-disk.js'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'results-'))
  path = join(folder, 'results.db')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const small = smallDisk(scratchFolder(), 512)

const bench = { kind: 'bench', network: 'net', metrics: { latency_us: 12.5 } } as const

describe('a store of results', () => {
  test('keeps records whole and numbers them', async () => {
    await using store = await ResultStore.open(path)
    const details = { profile: [{ name: 'conv', durationUs: 3.25 }], outputs: { y: { sqnr_db: Infinity } } }
    const evaluation = {
      kind: 'evaluation',
      network: 'net',
      run: 'training 1',
      model_hash: 'abc',
      board: 'local_cpu',
      target: 'llvm',
      tuner: 'baseline',
      stage: 'validation',
      epoch: 3,
      versions: { 'tvm-node': '0.1.0' },
      metrics: { val_backend_mse: 0, val_backend_sqnr_db: Infinity },
    } as const
    expect(await store.add(bench)).toBe(1)
    expect(await store.add({ ...evaluation, details })).toBe(2)
    expect(await store.get(2)).toEqual({
      ...evaluation,
      id: 2,
      status: 'ok',
      created_at: expect.closeTo(Date.now(), -4),
      details,
    })
    expect(await store.get(1)).toMatchObject({ ...bench, details: {} })
    await expect(store.get(3)).rejects.toMatchObject({ code: 'ERR_NO_RESULT' })
  })

  test('lists the newest first, narrowed down', async () => {
    await using store = await ResultStore.open(path)
    for (const network of ['a', 'b', 'a']) await store.add({ ...bench, network })
    await store.add({ kind: 'tune', network: 'a', status: 'failed' })
    const ids = async (filter: object) => (await store.list(filter)).map(({ id }) => id)
    expect(await ids({})).toEqual([4, 3, 2, 1])
    expect(await ids({ network: 'a' })).toEqual([4, 3, 1])
    expect(await ids({ network: 'a', kind: 'bench', limit: 1 })).toEqual([3])
    expect(await ids({ status: 'failed' })).toEqual([4])
    expect(await ids({ since: Date.now() + 60_000 })).toEqual([])
  })

  test.each([
    ['an unknown key', { ...bench, latency: 3 }, /no key 'latency'/],
    ['a kind that there is not', { ...bench, kind: 'benhc' }, /must be one of compile, run, bench/],
    ['no name', { kind: 'run' }, /network/],
    ['a metric that is no number', { ...bench, metrics: { a: '3' } }, /must be a number/],
  ])('refuses %s', async (_what, record, message) => {
    await using store = await ResultStore.open(path)
    await expect(store.add(record as never)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(message),
    })
    expect(await store.count()).toBe(0)
  })

  test('writes what was added before it closes, and is of no use afterwards', async () => {
    const store = await ResultStore.open(path)
    const adding = Array.from({ length: 200 }, () => store.add(bench))
    await store.dispose()
    await store.dispose()
    expect(new Set(await Promise.all(adding)).size).toBe(200)
    await expect(store.add(bench)).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    await expect(store.list()).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    await using again = await ResultStore.open(path)
    expect(await again.count()).toBe(200)
  })

  test('refuses a file of a newer version and leaves it as it is', async () => {
    const database = new Database(path)
    database.pragma('user_version = 99')
    database.close()
    const before = await readFile(path)
    await expect(ResultStore.open(path)).rejects.toMatchObject({
      code: 'ERR_RESULTS_VERSION',
      details: { version: 99 },
    })
    expect(await readFile(path)).toEqual(before)
  })

  test('sets aside a file that is none and starts anew', async () => {
    await writeFile(path, 'these are no results '.repeat(500))
    await using store = await ResultStore.open(path)
    expect(await store.add(bench)).toBe(1)
    const aside = (await readdir(folder)).filter((name) => name.includes('damaged'))
    expect(aside).toHaveLength(1)
    expect(await readFile(join(folder, aside[0] as string), 'utf8')).toContain('these are no results')
  })

  test('keeps what can be read of a damaged file', async () => {
    {
      await using store = await ResultStore.open(path)
      await Promise.all(
        Array.from({ length: 2000 }, (_, i) =>
          store.add({ ...bench, network: `network ${i}`, details: { n: i } }),
        ),
      )
    }
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(4096 * 4, 0x5a), 0, 4096 * 4, 4096 * 40)
    await file.close()
    await using store = await ResultStore.open(path)
    // Reading all of it comes upon the damage.
    const kept = await store.list({ limit: 5000 })
    await Promise.all(kept.slice(0, 10).map(({ id }) => store.get(id)))
    expect(kept.length).toBeGreaterThan(1000)
    expect(kept.length).toBeLessThan(2000)
    for (const { id, network } of kept) expect(network).toBe(`network ${id - 1}`)
    expect(await store.add(bench)).toBeGreaterThan(1000)
    expect((await readdir(folder)).some((name) => name.includes('damaged'))).toBe(true)
  })

  test.each([
    ['a folder', () => folder],
    ['a place that there is not', () => join(folder, 'no', 'results.db')],
  ])('says why it cannot open %s', async (_what, where) => {
    await expect(ResultStore.open(where())).rejects.toMatchObject({ code: 'ERR_RESULTS' })
  })

  test.each([
    ['an open store', ''],
    ['a store that is being closed', 'await store.dispose(); console.log("closed")'],
  ])('%s lets its process end, with all that was added written', async (_what, end) => {
    const script = `
      import { ResultStore } from ${JSON.stringify(new URL('../../dist/results/store.js', import.meta.url).href)}
      const store = await ResultStore.open(${JSON.stringify(path)})
      void store.add({ kind: 'run', network: 'n' })
      ${end}
    `
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
    await using store = await ResultStore.open(path)
    expect(await store.count()).toBe(1)
  })

  test('is shared by processes, some of which are killed', async () => {
    const writer = new URL('./writer.mjs', import.meta.url)
    const acknowledged = await Promise.all(
      [0, 1, 2, 3].map(
        (writerIndex) =>
          new Promise<number>((resolve, reject) => {
            const child = fork(writer, [path, '300', `writer ${writerIndex}`])
            let last = 0
            child.on('message', (count: number) => {
              last = count
              if (writerIndex % 2 === 1 && count >= 100) child.kill('SIGKILL')
            })
            child.on('error', reject)
            child.on('exit', () => resolve(last))
          }),
      ),
    )
    await using store = await ResultStore.open(path)
    for (const [i, count] of acknowledged.entries()) {
      const kept = await store.list({ run: `writer ${i}`, limit: 1000 })
      expect(kept.length).toBeGreaterThanOrEqual(count)
      expect(new Set(kept.map(({ epoch }) => epoch)).size).toBe(kept.length)
      if (i % 2 === 0) expect(kept).toHaveLength(300)
    }
    const copy = join(folder, 'copy.db')
    await store.dispose()
    await copyFile(path, copy)
    const database = new Database(copy)
    expect(database.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }])
    database.close()
  })

  test.skipIf(!small)('on a full disk what was kept stays (needs the right to mount)', async () => {
    await using store = await ResultStore.open(join(small as string, 'results.db'))
    const details = { text: 'x'.repeat(20_000) }
    let kept = 0
    const fill = async () => {
      for (;;) {
        await store.add({ ...bench, details })
        kept++
      }
    }
    await expect(fill()).rejects.toMatchObject({
      code: 'ERR_RESULTS',
      message: expect.stringMatching(/full/),
    })
    expect(kept).toBeGreaterThan(0)
    expect(await store.count()).toBe(kept)
    expect(await store.get(kept)).toMatchObject({ details })
  })
})
