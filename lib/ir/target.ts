import { nodeArchitecture } from '../architecture.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import { nearest } from '../nearest.js'
import { getGlobalFunc, registerObjectType, type TvmArray, type TvmMap, TvmObject } from '../runtime/index.js'

/** What code is generated for (TVM v0.18, include/tvm/target/target.h). */
export class Target extends TvmObject {
  /** `llvm`, `c`, ... */
  get kind(): string {
    return (this.get('kind') as TvmObject).get('name') as string
  }
  /** Keys by which strategies are chosen, most special first. */
  get keys(): string[] {
    return (this.get('keys') as TvmArray<string>).toArray()
  }
  /** An option such as `mcpu`, or undefined. */
  option(name: string): string | undefined {
    const attrs = this.get('attrs') as TvmMap<string>
    return attrs.has(name) ? String(attrs.get(name)) : undefined
  }
  /** An option that is a list, such as `mattr`; empty where it is not given. */
  options(name: string): string[] {
    const attrs = this.get('attrs') as TvmMap<string, TvmArray<string>>
    return attrs.has(name) ? (attrs.get(name) as TvmArray<string>).toArray() : []
  }
  /** LLVM's name of a CPU feature, for example `avx2`; false for targets other than LLVM. */
  has(feature: string): boolean {
    if (this.kind !== 'llvm') return false
    const key = `${this}|${feature}`
    let known = features.get(key)
    if (known === undefined) {
      known = Boolean(getGlobalFunc('target.target_has_feature')(feature, this))
      features.set(key, known)
    }
    return known
  }
  /** The instruction-set extensions that code for this target may use; empty for the plain instruction set. */
  get cpuFeatures(): string[] {
    if (this.kind !== 'llvm' || (this.option('mcpu') === undefined && this.option('mattr') === undefined))
      return []
    const all = getGlobalFunc('target.llvm_get_cpu_features')(this) as TvmMap<string, string>
    return [...all.entries()]
      .map(([name]) => name)
      .filter((name) => instructionSets.has(name))
      .sort()
  }
  /** Node's name of the architecture that code runs on. */
  get architecture(): string {
    const [machine = ''] = (this.option('mtriple') ?? '').split('-')
    return machine === '' ? process.arch : nodeArchitecture(machine)
  }
  /** Whether code is for x86, which multiplies unsigned by signed bytes. */
  get isX86(): boolean {
    return this.has('sse2')
  }
  /** Whether code is for 64-bit Arm. */
  get isAarch64(): boolean {
    return /^(aarch64|arm64)/.test(this.option('mtriple') ?? '')
  }
  /**
   * The type of bytes that instructions multiply by signed ones, four at a time, and sum in 32 bits; undefined where there are
   * none.
   */
  get dotProductData(): 'uint8' | 'int8' | undefined {
    if (this.isX86) return 'uint8'
    return this.isAarch64 && this.has('dotprod') ? 'int8' : undefined
  }
  /** Whether code is C, whose compiler knows the processor. */
  get isC(): boolean {
    return this.kind === 'c'
  }
  /** Vector registers: 32 with AVX-512 and on 64-bit Arm, else 16. */
  get vectorRegisters(): 16 | 32 {
    return this.simdLanes32 === 16 || this.isAarch64 ? 32 : 16
  }
  /** Vector width in 32-bit lanes: 16 with AVX-512, 8 with AVX2, else 4. */
  get simdLanes32(): 4 | 8 | 16 {
    if (this.has('avx512f') && this.has('avx512bw')) return 16
    return this.has('avx2') ? 8 : 4
  }
  /** Whether loops may be marked vector and parallel: not for C source. */
  get vectorises(): boolean {
    return !this.isC
  }
}
registerObjectType('Target', Target)
const features = new Map<string, boolean>()

/**
 * Makes a target from TVM's notation, for example `llvm -mcpu=znver2` or `c`, from the same as JSON, or from the name of one that
 * TVM knows, such as `raspberry-pi/4b-aarch64`. `-mcpu=native` stands for this machine's CPU with the features it really has.
 *
 * @throws `ERR_UNKNOWN_TARGET` with the nearest valid kind, option, CPU or CPU feature.
 */
export function target(spec: string): Target {
  const words = spec.trim().startsWith('{') ? fromJson(spec) : spec.trim()
  if (!isTag(words)) checkWords(words)
  try {
    const made = getGlobalFunc('target.Target')(resolveNative(words)) as Target
    if (made.kind === 'llvm') checkLlvm(made)
    return getGlobalFunc('target.WithHost')(made, made) as Target
  } catch (error) {
    if (isTvmNodeError(error, 'ERR_UNKNOWN_TARGET')) throw error
    throw new TvmNodeError(
      'ERR_UNKNOWN_TARGET',
      `target '${spec}' is not valid: ${(error as Error).message.split('\n')[0]}`,
      {
        cause: error,
        details: { target: spec },
      },
    )
  }
}

function fromJson(spec: string): string {
  try {
    const { kind, ...options } = JSON.parse(spec) as Record<string, string | number | readonly string[]>
    return [kind, ...Object.entries(options).map(([name, value]) => `-${name}=${value}`)].join(' ')
  } catch (cause) {
    throw new TvmNodeError(
      'ERR_UNKNOWN_TARGET',
      `target '${spec}' is not JSON: ${(cause as Error).message}`,
      {
        cause,
        details: { target: spec },
      },
    )
  }
}

/** Names of whole targets are of the form `vendor/machine`. To ask TVM for its list would make every one of them. */
function isTag(spec: string): boolean {
  return /^[^\s=]+\/[^\s=]+$/.test(spec)
}

function checkWords(spec: string): void {
  const [kind = '', ...options] = spec.split(/\s+/)
  const kinds = (getGlobalFunc('target.ListTargetKinds')() as TvmArray<string>).toArray()
  if (!kinds.includes(kind)) throw unknown('target kind', kind, kinds)
  const known = getGlobalFunc('target.ListTargetKindOptionsFromName')(kind) as TvmMap<string, string>
  const names = [...known.entries()].map(([name]) => name)
  for (const option of options.filter((word) => word.startsWith('-'))) {
    const name = option.replace(/^--?/, '').replace(/=.*$/s, '')
    if (!names.includes(name)) throw unknown(`option of target ${kind}`, name, names)
  }
}

/**
 * LLVM itself only warns of a CPU or feature that it does not know and takes another one, and a processor that it does not know
 * takes its process down.
 */
function checkLlvm(made: Target): void {
  const triple = made.option('mtriple')
  if (triple !== undefined) {
    const processors = (getGlobalFunc('target.llvm_get_targets')() as TvmArray<string>).toArray()
    const [processor = ''] = triple.split('-')
    if (!processors.includes(canonicalProcessor(processor)))
      throw unknown('processor of LLVM', processor, processors)
  }
  const listed = () => (getGlobalFunc('target.llvm_get_cpu_archlist')(made) as TvmArray<string>).toArray()
  const cpu = made.option('mcpu')
  if (cpu !== undefined && !listed().includes(cpu)) throw unknown('CPU of this target', cpu, listed())
  for (const attr of made.options('mattr')) {
    const feature = attr.replace(/^[+-]/, '')
    const withFeature = (name: string) => targetLike(made, name, cpu)
    if (!withFeature(feature).has(feature)) {
      throw unknown(
        'CPU feature of this target',
        attr,
        [...featuresOf(made, listed())].map((name) => `+${name}`),
      )
    }
    if (feature === attr) {
      throw new TvmNodeError(
        'ERR_UNKNOWN_TARGET',
        `CPU feature '${attr}' must be switched on or off; did you mean '+${attr}'?`,
        { details: { value: attr, nearest: `+${attr}` } },
      )
    }
  }
}

/** Spellings of processors that LLVM takes for the same (LLVM 19, lib/TargetParser/Triple.cpp). */
function canonicalProcessor(name: string): string {
  if (/^i[3-9]86$/.test(name)) return 'i386'
  if (/^(amd64|x86_64h)$/.test(name)) return 'x86_64'
  if (/^arm64/.test(name)) return 'aarch64'
  return name.replace(/^(arm|thumb)(eb)?(v\d.*|eb)?$/, '$1$2').replace(/^(powerpc|ppc)/, 'powerpc')
}

/** The same processor with one more CPU feature switched on. */
function targetLike(made: Target, feature: string | undefined, cpu: string | undefined): Target {
  const triple = made.option('mtriple')
  const words = [
    'llvm',
    triple && `-mtriple=${triple}`,
    cpu && `-mcpu=${cpu}`,
    feature && `-mattr=+${feature}`,
  ]
  return getGlobalFunc('target.Target')(words.filter(Boolean).join(' ')) as Target
}

/** Features of all CPUs that LLVM knows for a processor. */
function featuresOf(made: Target, cpus: readonly string[]): Set<string> {
  return new Set(
    cpus.flatMap((cpu) => {
      const all = getGlobalFunc('target.llvm_get_cpu_features')(targetLike(made, undefined, cpu))
      return [...(all as TvmMap<string, string>).entries()].map(([name]) => name)
    }),
  )
}

function unknown(what: string, value: string, valid: readonly string[]): TvmNodeError {
  const near = nearest(value, valid)
  return new TvmNodeError(
    'ERR_UNKNOWN_TARGET',
    `'${value}' is no known ${what}${near ? `; did you mean '${near}'?` : ''}`,
    { details: { value, nearest: near, valid } },
  )
}

/**
 * Replaces `-mcpu=native` by the name of this machine's CPU. A virtual machine may hide features that CPUs of that name
 * have: those are switched off, so that the code never meets an illegal instruction.
 */
function resolveNative(spec: string): string {
  const pattern = /-mcpu[= ]native\b/
  if (!pattern.test(spec)) return spec
  const cpu = getGlobalFunc('target.llvm_get_system_cpu')() as string
  const named = spec.replace(pattern, `-mcpu=${cpu}`)
  const present = new Set(native.cpuFeatures())
  const plain = getGlobalFunc('target.Target')(named) as Target
  const missing = plain.cpuFeatures.filter((feature) => !present.has(feature)).map((feature) => `-${feature}`)
  if (missing.length === 0) return named
  const attr = /-mattr[= ](\S+)/.exec(named)
  return attr
    ? named.replace(attr[0], `-mattr=${attr[1]},${missing.join(',')}`)
    : `${named} -mattr=${missing.join(',')}`
}

/**
 * The instruction sets that LLVM takes by itself where a target has them, by its names, of x86 and then of Arm. Code with one that
 * the features of a processor do not list is refused. AVX10.1 is another name for sets that are listed. Those for cryptography are
 * taken for nothing else, and LLVM counts them to processors of which some are made without.
 */
const instructionSets = new Set(
  (
    'sse3 ssse3 sse4.1 sse4.2 sse4a popcnt avx avx2 fma fma4 xop f16c bmi bmi2 tbm adx lzcnt movbe avxvnni avxifma ' +
    'avxneconvert avxvnniint8 avxvnniint16 avx512f avx512bw avx512cd avx512dq avx512vl avx512vnni avx512vbmi avx512vbmi2 ' +
    'avx512bf16 avx512fp16 avx512ifma avx512bitalg avx512vpopcntdq avx10.2-256 avx10.2-512 amx-tile amx-int8 amx-bf16 ' +
    'amx-fp16 amx-complex egpr ndd ccmp nf cf zu push2pop2 ppx vaes vpclmulqdq gfni ' +
    'neon lse rdm dotprod fullfp16 fp16fml bf16 i8mm sve sve2 complxnum'
  ).split(' '),
)

/** Runs `body` with `value` as the current target. */
export function withTarget<T>(value: Target, body: () => T): T {
  getGlobalFunc('target.TargetEnterScope')(value)
  try {
    return body()
  } finally {
    getGlobalFunc('target.TargetExitScope')(value)
  }
}
