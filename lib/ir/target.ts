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
      .filter((name) => vectorFeatures.has(name))
      .sort()
  }
  /** Whether code is for x86, which multiplies unsigned by signed bytes. */
  get isX86(): boolean {
    return this.has('sse2')
  }
  /** Vector width in 32-bit lanes: 16 with AVX-512, 8 with AVX2, else 4. */
  get simdLanes32(): 4 | 8 | 16 {
    if (this.has('avx512f') && this.has('avx512bw')) return 16
    return this.has('avx2') ? 8 : 4
  }
  /** Whether loops may be marked vector and parallel: not for C source. */
  get vectorises(): boolean {
    return this.kind !== 'c'
  }
}
registerObjectType('Target', Target)
const features = new Map<string, boolean>()

/**
 * Makes a target from TVM's notation, for example `llvm -mcpu=znver2` or `c`. `-mcpu=native` stands for this machine's CPU
 * with the features it really has.
 *
 * @throws `ERR_UNKNOWN_TARGET` with the nearest valid kind or option.
 */
export function target(spec: string): Target {
  const [kind = '', ...options] = spec.trim().split(/\s+/)
  const kinds = (getGlobalFunc('target.ListTargetKinds')() as TvmArray<string>).toArray()
  if (!kinds.includes(kind)) throw unknown('target kind', kind, kinds)
  const known = getGlobalFunc('target.ListTargetKindOptionsFromName')(kind) as TvmMap<string, string>
  const names = [...known.entries()].map(([name]) => name)
  for (const option of options.filter((word) => word.startsWith('-'))) {
    const name = option.replace(/^--?/, '').replace(/=.*$/s, '')
    if (!names.includes(name)) throw unknown(`option of target ${kind}`, name, names)
  }
  try {
    const made = getGlobalFunc('target.Target')(resolveNative(spec)) as Target
    checkCpu(made)
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

/** LLVM itself only warns and then takes another CPU. */
function checkCpu(made: Target): void {
  const cpu = made.kind === 'llvm' ? made.option('mcpu') : undefined
  if (cpu === undefined) return
  const cpus = (getGlobalFunc('target.llvm_get_cpu_archlist')(made) as TvmArray<string>).toArray()
  if (!cpus.includes(cpu)) throw unknown('CPU of this target', cpu, cpus)
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

/** The CPU features that decide which instructions appear in generated code, by LLVM's names. */
const vectorFeatures = new Set(
  (
    'sse3 ssse3 sse4.1 sse4.2 popcnt avx avx2 fma f16c bmi bmi2 lzcnt movbe avxvnni avxifma avxneconvert avxvnniint8 ' +
    'avx512f avx512bw avx512cd avx512dq avx512vl avx512vnni avx512vbmi avx512vbmi2 avx512bf16 avx512fp16 avx512ifma ' +
    'avx512bitalg avx512vpopcntdq amx-tile amx-int8 amx-bf16 vaes vpclmulqdq gfni'
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
