import { beforeAll, expect, test } from 'vitest'
import { target } from '#lib/ir/target.js'
import { openLibrary } from '#lib/runtime/index.js'

beforeAll(() => {
  openLibrary({ kind: 'compiler' })
})

test.each([
  ['lvm', /'lvm' is no known target kind; did you mean 'llvm'/],
  ['', /'' is no known target kind/],
  ['llvm -mcup=core2', /'mcup' is no known option of target llvm; did you mean 'mcpu'/],
  ['llvm -mcpu=skylak', /'skylak' is no known CPU of this target; did you mean 'skylake'/],
  ['llvm -mattr=+avx512', /'\+avx512' is no known CPU feature of this target; did you mean '\+avx512f'/],
  ['llvm -mattr=+fma,avx2', /'avx2' must be switched on or off; did you mean '\+avx2'/],
  ['llvm -mtriple=x86_64-linux-gnu -mattr=+frobnicate', /'\+frobnicate' is no known CPU feature/],
  ['llvm -mtriple=x86-64-linux-gnu', /'x86' is no known processor of LLVM/],
  ['raspberry-pi/9', /is not valid/],
  ['llvm -mtriple=frob', /'frob' is no known processor of LLVM/],
  ['llvm -mtriple=aarch46-linux-gnu', /'aarch46' is no known processor of LLVM; did you mean 'aarch64'/],
  ['llvm -num-cores=two', /is not valid: .*two/],
  ['{"kind":', /is not JSON/],
])('%j is refused', (spec, message) => {
  expect(() => target(spec)).toThrow(
    expect.objectContaining({ code: 'ERR_UNKNOWN_TARGET', message: expect.stringMatching(message) }),
  )
})

test.each([
  // Text as TVM writes it from Python.
  [
    '{"kind":"llvm","mcpu":"haswell","mattr":["+avx2","-fma"]}',
    'llvm -keys=cpu -mattr=+avx2,-fma -mcpu=haswell',
  ],
  [
    'raspberry-pi/4b-aarch64',
    'llvm -keys=arm_cpu,cpu -mattr=+neon -mcpu=cortex-a72 -mtriple=aarch64-linux-gnu -num-cores=4',
  ],
  [
    'llvm -mtriple=armv7a-linux-gnueabihf -mattr=+neon',
    'llvm -keys=arm_cpu,cpu -mattr=+neon -mtriple=armv7a-linux-gnueabihf',
  ],
  ['llvm -mtriple=thumbv7em-none-eabi', 'llvm -keys=cpu -mtriple=thumbv7em-none-eabi'],
  ['llvm -mtriple=riscv64-linux-gnu -mattr=+v', 'llvm -keys=cpu -mattr=+v -mtriple=riscv64-linux-gnu'],
  ['llvm -mtriple=i686-linux-gnu', 'llvm -keys=cpu -mtriple=i686-linux-gnu'],
])('%s is taken', (spec, text) => {
  expect(String(target(spec))).toBe(text)
})
