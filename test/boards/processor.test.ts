import { readFileSync } from 'node:fs'
import { machine } from 'node:os'
import { expect, test } from 'vitest'
import { linuxProcessor } from '#lib/boards/processor.js'
import { native } from '#lib/native.js'

test('this machine, as its own registers say', () => {
  const { features, architecture, cores } = linuxProcessor(machine(), readFileSync('/proc/cpuinfo', 'utf8'))
  expect(architecture).toBe(process.arch)
  expect(cores).toBeGreaterThan(0)
  // Linux does not name every instruction set that the processor has.
  const own = new Set(native.cpuFeatures())
  const compared = [
    'sse4.2',
    'avx2',
    'fma',
    'bmi',
    'bmi2',
    'f16c',
    'avx512f',
    'avx512vnni',
    'avxvnni',
    'amx-int8',
    'lzcnt',
  ]
  for (const name of compared) expect([name, features.includes(name)]).toEqual([name, own.has(name)])
})

const pi4 = `processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

processor\t: 1
Features\t: fp asimd evtstrm crc32 cpuid

Model\t\t: Raspberry Pi 4 Model B Rev 1.4
`

test('a board of Arm: names of LLVM, model', () => {
  expect(linuxProcessor('aarch64', pi4)).toEqual({
    architecture: 'arm64',
    model: 'Raspberry Pi 4 Model B Rev 1.4',
    cores: 2,
    features: ['cpuid', 'crc', 'evtstrm', 'fp-armv8', 'neon'],
  })
})

test('of cores that differ only what all have', () => {
  const text =
    'processor: 0\nFeatures: fp asimd asimddp atomics\n\nprocessor: 1\nFeatures: fp asimd atomics\n'
  expect(linuxProcessor('aarch64', text).features).toEqual(['fp-armv8', 'lse', 'neon'])
})

test('a machine that says little', () => {
  expect(linuxProcessor('riscv64', '')).toEqual({
    architecture: 'riscv64',
    model: '',
    cores: 1,
    features: [],
  })
})
