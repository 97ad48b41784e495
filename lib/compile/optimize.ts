import { TvmNodeError } from '../errors.js'
import { currentTrace } from '../ir/constant-trace.js'
import { foldConstant } from '../ir/fold-constant.js'
import { IRModule } from '../ir/module.js'
import { getOp } from '../ir/op.js'
import { Call, type Func, Op } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import { simplify } from '../ir/simplify.js'
import { type Target, withTarget } from '../ir/target.js'
import { runPass } from '../ir/transform.js'
import { type DesiredLayouts, plainOperator } from '../ops/desired-layouts.js'
import { findStrategy } from '../ops/strategy.js'
import { getGlobalFunc, type TvmArg, type TvmObject } from '../runtime/index.js'
import { replaceEmptyConstants } from './empty-constants.js'
import { keepGates } from './keep-gates.js'
import { padChannels } from './pad-channels.js'
import { noteReads } from './parameters/value-reads.js'
import { lowerQuantization } from './quantization/lower.js'

interface PassSettings {
  readonly target: Target
  readonly optLevel: number
  readonly desiredLayouts: DesiredLayouts
}
type Pass = (mod: TvmObject, settings: PassSettings) => TvmObject

/** One step of the pipeline and the lowest optimisation level it runs at. */
interface Step {
  readonly name: string
  readonly level: number
  readonly run: Pass
  /** The pass works on types, and leaves a module whose types are known. */
  readonly typed?: true
  /** Operators without which the pass has nothing to do; inferring all types for it would be wasted. */
  readonly needs?: RegExp | ((op: string) => boolean)
}

/** A pass of the library on functions, which infers the types again when it is done (src/relay/ir/transform.cc). */
function relayPass(
  name: string,
  level: number,
  { args = [], ...options }: { args?: TvmArg[] } & Pick<Step, 'needs'> = {},
): Step {
  return { name, level, run: (mod) => runPass(name, mod, ...args), typed: true, ...options }
}
/** A rewriting of the main function done here. */
function ownPass(name: string, level: number, change: (main: Func, target: Target) => Func): Step {
  return {
    name,
    level,
    run: (mod, { target }) => changeMain(mod as IRModule, (main) => change(main, target)),
  }
}

/** Operators for which a function is registered under `key`. */
function having(key: string): (op: string) => boolean {
  return (op) => getGlobalFunc('ir.OpGetAttr')(getOp(op), key) !== null
}

const fold = ownPass('FoldConstant', 1, foldConstant)
const clean = ownPass('Simplify', 1, simplify)

/** The order of TVM's own pipeline (TVM v0.18, src/relay/backend/utils.cc); constants are folded and graphs tidied here. */
const pipeline: readonly Step[] = [
  { name: 'RemoveUnusedFunctions', level: 0, run: (mod) => runPass('RemoveUnusedFunctions', mod, ['main']) },
  { name: 'ToBasicBlockNormalForm', level: 0, run: (mod) => runPass('ToBasicBlockNormalForm', mod) },
  { name: 'LowerQuantization', level: 0, run: lowerQnn, needs: /^qnn\./ },
  relayPass('Legalize', 1, { args: ['FTVMLegalize'], needs: having('FTVMLegalize') }),
  relayPass('SimplifyInference', 0, { needs: /_norm$|^nn\.l2_normalize$|^nn\.dropout$/ }),
  fold,
  relayPass('EliminateCommonSubexpr', 3, { args: [null] }),
  ownPass('KeepGates', 3, keepGates),
  relayPass('BackwardFoldScaleAxis', 3, { needs: /^multiply$/ }),
  fold,
  relayPass('ForwardFoldScaleAxis', 3, { needs: /^multiply$/ }),
  fold,
  clean,
  ownPass('PadChannels', 3, padChannels),
  relayPass('CanonicalizeCast', 3, { needs: /^cast$/ }),
  relayPass('CanonicalizeOps', 3, { needs: /^nn\.bias_add$/ }),
  relayPass('FlattenAtrousConv', 0, { needs: /^nn\.batch_to_space_nd$/ }),
  { name: 'ConvertLayout', level: 3, run: convertLayout, typed: true, needs: having('FTVMConvertOpLayout') },
  relayPass('AlterOpLayout', 3, { needs: having('FTVMAlterOpLayout') }),
  // Weights that several operators share are packed once, and stay in the caches between them.
  relayPass('EliminateCommonSubexpr', 3, {
    args: [null],
    needs: /^layout_transform$|_weight_(pack|transform)$/,
  }),
  fold,
  clean,
  relayPass('FastMath', 4),
  fold,
  ownPass('ReplaceEmptyConstants', 0, replaceEmptyConstants),
]

/** Names under which the library would run the same passes again; a build that comes after `optimize` disables them. */
export const passesDone: readonly string[] = [
  'qnn.Legalize',
  'Legalize',
  'SimplifyInference',
  'EliminateCommonSubexpr',
  'CombineParallelConv2d',
  'CombineParallelDense',
  'CombineParallelBatchMatmul',
  'FoldConstant',
  'FoldScaleAxis',
  'SimplifyExpr',
  'CanonicalizeCast',
  'CanonicalizeOps',
  'FlattenAtrousConv',
  'AlterOpLayout',
  'SimplifyExprPostAlterOp',
  'FastMath',
]

export interface OptimizeOptions {
  /** Hears each pass before it runs. */
  readonly onPass?: ((pass: string) => void) | undefined
  /** Passes to leave out, by name. */
  readonly without?: readonly string[]
  readonly desiredLayouts?: DesiredLayouts | undefined
}

/** Graph-level optimisation. Runs within the caller's pass context. */
export function optimize(
  mod: IRModule,
  target: Target,
  optLevel: number,
  { onPass, without = [], desiredLayouts = {} }: OptimizeOptions = {},
): IRModule {
  return withTarget(target, () => {
    let current = mod
    let typed = false
    let present = operators(current)
    for (const step of pipeline) {
      if (without.includes(step.name) || step.level > optLevel || !isNeeded(step, present)) continue
      onPass?.(step.name)
      if (currentTrace()) noteReads(step.name, current)
      if (step.typed && !typed) current = runPass('InferType', current) as IRModule
      const next = step.run(current, { target, optLevel, desiredLayouts }) as IRModule
      if (next === current) continue
      typed = step.typed ?? false
      current = next
      present = operators(current)
    }
    return typed ? current : (runPass('InferType', current) as IRModule)
  })
}

function isNeeded({ needs }: Step, present: ReadonlySet<string>): boolean {
  if (!needs) return true
  return [...present].some((op) => (needs instanceof RegExp ? needs.test(op) : needs(op)))
}

/**
 * Refuses what codegen could not lower, before it begins.
 *
 * @throws `ERR_NO_IMPLEMENTATION` naming all operators without an implementation for the target.
 */
export function checkImplementations(mod: IRModule, target: Target): void {
  const missing = [...operators(mod)].filter((op) => !findStrategy(op, target)).sort()
  if (missing.length === 0) return
  throw new TvmNodeError(
    'ERR_NO_IMPLEMENTATION',
    `no implementation for target ${target} of ${missing.join(', ')}`,
    { details: { operators: missing, target: String(target) } },
  )
}

/** Names of the operators that the main function calls. */
function operators(mod: IRModule): Set<string> {
  const names = new Set<string>()
  rewrite(mod.lookup(), (expr) => {
    if (expr instanceof Call && expr.op instanceof Op) names.add(expr.op.name)
    return expr
  })
  return names
}

/** Below level 1 networks are computed step by step as they are written, for comparison. */
function lowerQnn(mod: TvmObject, { target, optLevel }: PassSettings): IRModule {
  const options = { integers: optLevel >= 1, mixed: target.isX86 }
  return changeMain(mod as IRModule, (main) => lowerQuantization(main, options))
}

/** Networks are imported with channels first. Quantised operators have become plain ones by now, whose layouts are meant with theirs. */
function convertLayout(mod: TvmObject, { desiredLayouts }: PassSettings): TvmObject {
  const plain = Object.entries(desiredLayouts).map(([op, layouts]) => [plainOperator(op), layouts] as const)
  if (plain.length === 0) return mod
  return runPass(
    'ConvertLayout',
    mod,
    Object.fromEntries(plain.map(([op, layouts]) => [op, [...layouts]])) as never,
  )
}

function changeMain(mod: IRModule, change: (main: Func) => Func): IRModule {
  const main = mod.lookup()
  const changed = change(main)
  return changed.sameAs(main) ? mod : IRModule.fromFunction(changed)
}
