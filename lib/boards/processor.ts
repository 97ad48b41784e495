import { nodeArchitecture } from '../architecture.js'
import type { Processor } from '../session/artifact.js'

/** Names that Linux has for instruction sets, where they differ from LLVM's by more than an underscore. */
const x86Names: Readonly<Record<string, readonly string[]>> = {
  pni: ['sse3'],
  sse4_1: ['sse4.1'],
  sse4_2: ['sse4.2'],
  pclmulqdq: ['pclmul'],
  bmi1: ['bmi'],
  abm: ['lzcnt', 'popcnt'],
  lahf_lm: ['sahf'],
  rdrand: ['rdrnd'],
  sha_ni: ['sha'],
  avx_vnni: ['avxvnni'],
  avx_ifma: ['avxifma'],
  avx_ne_convert: ['avxneconvert'],
  avx_vnni_int8: ['avxvnniint8'],
  avx_vnni_int16: ['avxvnniint16'],
  amx_tile: ['amx-tile'],
  amx_int8: ['amx-int8'],
  amx_bf16: ['amx-bf16'],
  amx_fp16: ['amx-fp16'],
  amx_complex: ['amx-complex'],
}
const armNames: Readonly<Record<string, readonly string[]>> = {
  fp: ['fp-armv8'],
  asimd: ['neon'],
  asimdhp: ['fullfp16'],
  asimdfhm: ['fp16fml'],
  asimddp: ['dotprod'],
  asimdrdm: ['rdm'],
  atomics: ['lse'],
  crc32: ['crc'],
  fcma: ['complxnum'],
  jscvt: ['jsconv'],
  lrcpc: ['rcpc'],
}

/** A processor as a Linux describes it. */
export interface LinuxProcessor extends Omit<Processor, 'where'> {
  /** What its maker calls it; empty where Linux does not say. */
  readonly model: string
  readonly cores: number
}

/**
 * Reads what a Linux says of its processor.
 *
 * @param machine - The answer of `uname -m`.
 * @param cpuinfo - `/proc/cpuinfo`. Where its processors differ, a feature counts when all of them have it.
 */
export function linuxProcessor(machine: string, cpuinfo: string): LinuxProcessor {
  const architecture = nodeArchitecture(machine)
  const valuesOf = (pattern: RegExp) => [...cpuinfo.matchAll(pattern)].map(([, value = '']) => value.trim())
  const lists = valuesOf(/^(?:flags|Features)\s*:(.*)$/gm).map((line) => new Set(line.split(/\s+/)))
  const [first, ...others] = lists
  const common = [...(first ?? [])].filter((name) => others.every((list) => list.has(name)))
  const features = new Set(common.flatMap((name) => llvmNames(architecture, name)))
  return {
    architecture,
    features: [...features].sort(),
    model: valuesOf(/^(?:model name|Model|Hardware|uarch)\s*:(.*)$/gm)[0] ?? '',
    cores: Math.max(1, valuesOf(/^processor\s*:(.*)$/gm).length),
  }
}

function llvmNames(architecture: string, name: string): readonly string[] {
  const names = architecture === 'x64' ? x86Names : armNames
  // Linux parts avx512_vnni where LLVM does not.
  return names[name] ?? [name.replace(/^avx512_/, 'avx512')]
}
