import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildRelay } from '#lib/compile/build.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { target } from '#lib/ir/target.js'
import { getGlobalFunc, openLibrary } from '#lib/runtime/index.js'

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url))

beforeAll(() => {
  openLibrary()
})

/** The network's code, an instruction a line, its operands after a tab. */
function assembly(network: string, spec: string): string[] {
  const { func } = importModel(join(fixtures, network, 'model.onnx'))
  const { module } = buildRelay(func, target(spec))
  return (getGlobalFunc('runtime.ModuleGetSource')(module, 'asm') as string).split('\n')
}

const count = (lines: readonly string[], pattern: RegExp) => lines.filter((line) => pattern.test(line)).length

const AARCH64 = 'llvm -mtriple=aarch64-linux-gnu'
const ARMV7 = 'llvm -mtriple=armv7-linux-gnueabihf -mattr=+neon,+vfp4 -mfloat-abi=hard'

describe('networks multiply in vectors', () => {
  test.each(['kws_dscnn', 'kws_tcresnet8'])('%s in floats on aarch64', (network) => {
    const lines = assembly(`models/${network}`, AARCH64)
    expect(count(lines, /^\s(fmla|fmul)\s+v\d+\.4s/)).toBeGreaterThan(100)
    expect(count(lines, /^\s(fmadd|fmul|fmla)\s+s/)).toBe(0)
  })

  test('in floats on armv7', () => {
    const lines = assembly('models/kws_dscnn', ARMV7)
    const vectors = count(lines, /^\sv(mla|mul|fma)\.f32\s+[qd]/)
    expect(vectors).toBeGreaterThan(100)
    expect(count(lines, /^\sv(mla|mul|fma)\.f32\s+s/)).toBeLessThan(vectors / 20)
  })

  test('bytes on aarch64', () => {
    const lines = assembly('quantized/kws_dscnn_int8', AARCH64)
    const vectors = count(lines, /^\s(smlal2?|smull2?|mla|mul)\s+v/)
    expect(vectors).toBeGreaterThan(100)
    expect(count(lines, /^\s(smaddl|smull|madd|mul)\s+[wx]/)).toBeLessThan(vectors / 4)
  })

  test('bytes by fours with dot products', () => {
    const lines = assembly('quantized/kws_dscnn_int8', `${AARCH64} -mattr=+neon,+dotprod`)
    expect(count(lines, /^\ssdot\s+v\d+\.4s/)).toBeGreaterThan(50)
  })
})
