import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { native } from '#lib/native.js'

describe('processor features', () => {
  const flags = new Set(
    /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '),
  )
  // The kernel's name of each of LLVM's.
  test.each([
    ['sse4.2', 'sse4_2'],
    ['avx', 'avx'],
    ['avx2', 'avx2'],
    ['fma', 'fma'],
    ['f16c', 'f16c'],
    ['bmi2', 'bmi2'],
    ['lzcnt', 'abm'],
    ['avx512f', 'avx512f'],
    ['avx512vl', 'avx512vl'],
    ['avx512bw', 'avx512bw'],
    ['avx512vnni', 'avx512_vnni'],
    ['avxvnni', 'avx_vnni'],
    ['amx-int8', 'amx_int8'],
    ['neon', 'asimd'],
    ['dotprod', 'asimddp'],
  ])('%s is what the kernel calls %s', (feature, flag) => {
    expect(native.cpuFeatures().includes(feature)).toBe(flags.has(flag))
  })
})

describe('shared memory', () => {
  /** Descriptors of memory files that this process has open. */
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/memfd:tvm-node')
      } catch {
        return false
      }
    })
  const mapped = () =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.includes('/memfd:tvm-node')).length
  async function collected(count: () => number) {
    for (let i = 0; i < 20 && count() > 0; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return count()
  }

  test('reaches another process that is given the descriptor, and grows for both', () => {
    const [file, descriptor] = native.openMemoryFile()
    const buffer = native.mapMemoryFile(descriptor, 100)
    expect(buffer.byteLength).toBe(100)
    new Uint8Array(buffer).fill(7)
    const path = new URL('../../dist/native.js', import.meta.url).href
    const script = `import { native } from '${path}'
      const view = new Float64Array(native.mapMemoryFile(3, ${1 << 16}))
      if (new Uint8Array(view.buffer)[99] !== 7 || view[8191] !== 0) throw new Error('other bytes')
      view[8191] = Math.PI`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', descriptor],
    })
    expect(stderr).toBe('')
    expect(new Float64Array(native.mapMemoryFile(descriptor, 1 << 16))[8191]).toBe(Math.PI)
    native.closeMemoryFile(file)
  })
  test('is unmapped when collected, and closed by hand, by the collector or with its thread', async () => {
    let [file, descriptor]: [object | undefined, number] = native.openMemoryFile()
    native.mapMemoryFile(descriptor, 4096)
    native.closeMemoryFile(file)
    native.closeMemoryFile(file)
    file = undefined
    for (let i = 0; i < 20; i++) native.mapMemoryFile(native.openMemoryFile()[1], 4096)
    const path = new URL('../../dist/native.js', import.meta.url).href
    const script = `import('${path}').then(({ native }) => { globalThis.kept = native.openMemoryFile(); setInterval(() => {}, 1e4) })`
    const worker = new Worker(script, { eval: true })
    await expect.poll(() => open().length).toBe(21)
    await worker.terminate()
    expect(await collected(mapped)).toBe(0)
    expect(await collected(() => open().length)).toBe(0)
  })
  test('has no name', () => {
    const before = readdirSync('/dev/shm')
    const [file, descriptor] = native.openMemoryFile()
    native.mapMemoryFile(descriptor, 4096)
    expect(readdirSync('/dev/shm')).toEqual(before)
    native.closeMemoryFile(file)
  })
  test.each<[string, () => unknown, string]>([
    ['no size', () => native.mapMemoryFile(native.openMemoryFile()[1], 0), 'ERR_INVALID_ARGUMENT'],
    [
      'more than there is',
      () => native.mapMemoryFile(native.openMemoryFile()[1], 2 ** 50),
      'ERR_SHARED_MEMORY',
    ],
    ['a descriptor of nobody', () => native.mapMemoryFile(-1, 16), 'ERR_SHARED_MEMORY'],
    ['what is no file', () => native.closeMemoryFile({}), 'ERR_INVALID_ARGUMENT'],
  ])('%s is refused', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }))
  })
})
