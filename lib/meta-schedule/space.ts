import type { Target } from '../ir/target.js'
import { constant } from '../ir/tir.js'
import { DOT } from '../ops/cpu/dot-product.js'
import { isParallelWork } from '../ops/cpu/schedule-util.js'
import { getGlobalFunc, type TvmArg, type TvmArray, type TvmMap, type TvmObject } from '../runtime/index.js'
import { dotProductIntrinsic } from './intrinsics.js'
import { functionOf } from './program.js'

interface Plan {
  /** Spatial and reduced loops, from the outside in. */
  readonly loops: string
  /** After which spatial loops, counted from 1, what follows may be computed. */
  readonly fusedAfter: readonly number[]
}
/**
 * Tiles for registers alone come before those for registers and caches that the library has: kernels of microseconds need no more, and
 * where there are fewer ways the good ones are found with fewer trials.
 */
const PLANS: readonly Plan[] = [
  { loops: 'SRS', fusedAfter: [1] },
  { loops: 'SSRSRS', fusedAfter: [1, 2] },
]
const JOBS_PER_CORE = 16
const WIDEST_VECTOR = 64
const LARGEST_TILE = 64
const NONE = -1
const UNROLLED_STEPS = [0, 16, 64, 512]

function made(kind: string, name: string, ...args: TvmArg[]): TvmObject {
  return getGlobalFunc(`meta_schedule.${kind}${name}`)(...args) as TvmObject
}

/** All the ways of a context's function that rules lead to, each with its choices open. */
export function designSpaces(context: TvmObject): TvmObject[] {
  const [module, target] = [context.get('mod') as TvmObject, context.get('target') as Target]
  const isParallel = isWorthThreads(module)
  return PLANS.flatMap((plan) => {
    const generator = spaceGenerator(target, plan, isParallel)
    made('SpaceGenerator', 'InitializeWithTuneContext', generator, context)
    const spaces = made('SpaceGenerator', 'GenerateDesignSpace', generator, module) as TvmArray<TvmObject>
    return spaces.toArray()
  })
}

/**
 * As for templates: what is done sooner than another thread is awake has no parallel loops. Trials follow each other so fast that they would
 * not show it.
 */
function isWorthThreads(module: TvmObject): boolean {
  const steps = (getGlobalFunc('tir.analysis.EstimateTIRFlops')(module) as number) / 2
  return isParallelWork(takesBytes(module) ? steps / DOT : steps)
}

function takesBytes(module: TvmObject): boolean {
  const buffers = functionOf(module).get('buffer_map') as TvmMap<TvmObject>
  return [...buffers.entries()].some(([, buffer]) => (buffer as TvmObject).get('dtype') === 'int8')
}

/**
 * What may be done to a function on a processor: the rules, and what follows once choices are made (TVM v0.18,
 * src/meta_schedule/schedule_rule/schedule_rule.cc, DefaultX86 and DefaultLLVM), with the target's own instruction for sums of products
 * of bytes.
 */
export function spaceGenerator(target: Target, plan = PLANS[0] as Plan, isParallel = true): TvmObject {
  const rule = (name: string, ...args: TvmArg[]) => made('ScheduleRule', name, ...args)
  const step = (name: string, ...args: TvmArg[]) => made('Postproc', name, ...args)
  const [intoProducer, intoConsumer, constants, noBranches, injective, ordered] = [
    false,
    ...Array(5).fill(true),
  ]
  const [noBinds, noVectorLoads, noReads, anyBlock] = [null, null, null, null]
  const writes = { req: 'may', levels: [...plan.fusedAfter], scope: 'global' }
  const tiling = [plan.loops, noBinds, LARGEST_TILE, noVectorLoads, noReads, writes] as const
  const dot = dotProductIntrinsic(target)
  const rules = [
    rule('InlineConstantScalars'),
    rule('AutoInline', intoProducer, intoConsumer, constants, noBranches, injective, ordered, ['tir.exp']),
    rule('AddRFactor', JOBS_PER_CORE, LARGEST_TILE),
    ...(dot === undefined ? [] : [rule('MultiLevelTilingWithIntrin', dot, ...tiling), wholeInstructions()]),
    rule('MultiLevelTiling', ...tiling, anyBlock),
    ...(target.vectorises
      ? [
          rule(
            'ParallelizeVectorizeUnroll',
            isParallel ? JOBS_PER_CORE : NONE,
            WIDEST_VECTOR,
            UNROLLED_STEPS,
            true,
          ),
        ]
      : []),
    rule('RandomComputeLocation'),
  ]
  const steps = [
    step('DisallowDynamicLoop'),
    step('RewriteParallelVectorizeUnroll'),
    step('RewriteReductionBlock'),
    ...(dot === undefined ? [] : [step('RewriteTensorize', true)]),
  ]
  return made('SpaceGenerator', 'PostOrderApply', anyBlock, rules, steps, made('Mutator', 'DefaultLLVM'))
}

/** What the library marks blocks with that an instruction is to stand for. */
const TENSORIZED = 'meta_schedule.auto_tensorize'

/**
 * Keeps the loops around instructions from becoming vectors: the library would make vectors of vectors of them, for which there is no
 * instruction (TVM v0.18, src/meta_schedule/postproc/rewrite_parallel_vectorize_unroll.cc). It leaves loops alone that are marked with
 * anything.
 */
function wholeInstructions(): TvmObject {
  const ask = (name: string, schedule: TvmObject, ...args: TvmArg[]) =>
    getGlobalFunc(`tir.schedule.Schedule${name}`)(schedule, ...args) as TvmObject
  const list = (...call: Parameters<typeof ask>) => (ask(...call) as TvmArray<TvmObject>).toArray()
  const apply = (schedule: TvmObject, root: TvmObject) => {
    if (ask('Get', schedule, root).get('name_hint') !== 'root') return [schedule]
    for (const block of list('GetChildBlocks', schedule, root)) {
      const marks = ask('Get', schedule, block).get('annotations') as TvmMap<string>
      const innermost = marks.has(TENSORIZED) ? list('GetLoops', schedule, block).at(-1) : undefined
      if (innermost) ask('Annotate', schedule, innermost, 'around_instruction', constant(1, 'int32'))
    }
    return [schedule]
  }
  const nothing = () => null
  return made('ScheduleRule', 'PyScheduleRule', nothing, apply as never, nothing, () => 'WholeInstructions')
}
