import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
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
  const ours = () => readdirSync('/dev/shm').filter((name) => name.startsWith(`tvm-node-${process.pid}-`))

  test('reaches another process and leaves no name behind', () => {
    const { name, buffer } = native.sharedMemoryCreate(1 << 16)
    expect(buffer.byteLength).toBe(1 << 16)
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true)
    expect(ours()).toHaveLength(1)
    const path = new URL('../../dist/native.js', import.meta.url).href
    const script = `import { native } from '${path}'
      new Float64Array(native.sharedMemoryOpen('${name}', ${1 << 16}))[8191] = Math.PI`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(new Float64Array(buffer)[8191]).toBe(Math.PI)
    expect(ours()).toEqual([])
  })
  test('is unmapped when collected', async () => {
    const mapped = () =>
      readFileSync('/proc/self/maps', 'utf8')
        .split('\n')
        .filter((line) => line.includes('/tvm-node-')).length
    for (let i = 0; i < 20; i++) native.sharedMemoryUnlink(native.sharedMemoryCreate(4096).name)
    for (let i = 0; i < 10 && mapped() > 0; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(mapped()).toBe(0)
    expect(ours()).toEqual([])
  })
  test.each<[string, () => unknown, string]>([
    ['no size', () => native.sharedMemoryCreate(0), 'ERR_INVALID_ARGUMENT'],
    ['more than there is', () => native.sharedMemoryCreate(2 ** 50), 'ERR_SHARED_MEMORY'],
    ['a name of nobody', () => native.sharedMemoryOpen('/tvm-node-none', 16), 'ERR_SHARED_MEMORY'],
    [
      'another size',
      () => native.sharedMemoryOpen(native.sharedMemoryCreate(64).name, 65),
      'ERR_SHARED_MEMORY',
    ],
  ])('%s is refused', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }))
    for (const name of ours()) native.sharedMemoryUnlink(`/${name}`)
  })
})
