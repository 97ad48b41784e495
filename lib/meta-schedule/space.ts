import type { Target } from '../ir/target.js'
import { constant } from '../ir/tir.js'
import { getGlobalFunc, type TvmArg, type TvmArray, type TvmMap, type TvmObject } from '../runtime/index.js'
import { dotProductIntrinsic } from './intrinsics.js'

/** Spatial and reduced loops, from the outside in. */
const TILES = 'SSRSRS'
const WIDEST_VECTOR = 64
const LARGEST_TILE = 64
const JOBS_PER_CORE = 16
const UNROLLED_STEPS = [0, 16, 64, 512]

function made(kind: string, name: string, ...args: TvmArg[]): TvmObject {
  return getGlobalFunc(`meta_schedule.${kind}${name}`)(...args) as TvmObject
}

/**
 * What may be done to a function on a processor: the rules, and what follows once choices are made (TVM v0.18,
 * src/meta_schedule/schedule_rule/schedule_rule.cc, DefaultX86 and DefaultLLVM), with the target's own instruction for sums of products
 * of bytes.
 */
export function spaceGenerator(target: Target): TvmObject {
  const rule = (name: string, ...args: TvmArg[]) => made('ScheduleRule', name, ...args)
  const step = (name: string, ...args: TvmArg[]) => made('Postproc', name, ...args)
  const [intoProducer, intoConsumer, constants, noBranches, injective, ordered] = [
    false,
    ...Array(5).fill(true),
  ]
  const [noBinds, noVectorLoads, noReads, anyBlock] = [null, null, null, null]
  const writes = { req: 'may', levels: [1, 2], scope: 'global' }
  const tiling = [TILES, noBinds, LARGEST_TILE, noVectorLoads, noReads, writes] as const
  const dot = dotProductIntrinsic(target)
  const rules = [
    rule('InlineConstantScalars'),
    rule('AutoInline', intoProducer, intoConsumer, constants, noBranches, injective, ordered, ['tir.exp']),
    rule('AddRFactor', JOBS_PER_CORE, LARGEST_TILE),
    ...(dot === undefined ? [] : [rule('MultiLevelTilingWithIntrin', dot, ...tiling), wholeInstructions()]),
    rule('MultiLevelTiling', ...tiling, anyBlock),
    ...(target.vectorises
      ? [rule('ParallelizeVectorizeUnroll', JOBS_PER_CORE, WIDEST_VECTOR, UNROLLED_STEPS, true)]
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

/** All the ways of a function that rules lead to, each with its choices open. */
export function designSpaces(generator: TvmObject, module: TvmObject): TvmArray<TvmObject> {
  return made('SpaceGenerator', 'GenerateDesignSpace', generator, module) as TvmArray<TvmObject>
}
