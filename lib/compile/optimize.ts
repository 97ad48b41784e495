import { TvmNodeError } from '../errors.js'
import { foldConstant } from '../ir/fold-constant.js'
import { IRModule } from '../ir/module.js'
import { Call, type Func, Op } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import { simplify } from '../ir/simplify.js'
import { type Target, withTarget } from '../ir/target.js'
import { runPass } from '../ir/transform.js'
import { findStrategy } from '../ops/strategy.js'
import type { TvmArg, TvmObject } from '../runtime/index.js'
import { replaceEmptyConstants } from './empty-constants.js'
import { padChannels } from './pad-channels.js'
import { lowerQuantization } from './quantization/lower.js'

interface PassSettings {
  readonly target: Target
  readonly optLevel: number
}
type Pass = (mod: TvmObject, settings: PassSettings) => TvmObject

/** One step of the pipeline and the lowest optimisation level it runs at. */
interface Step {
  readonly name: string
  readonly level: number
  readonly run: Pass
  /** Operators without which the pass has nothing to do; inferring all types for it would be wasted. */
  readonly needs?: RegExp
}

/** A pass of the library, on a module whose types are known. */
function relayPass(name: string, level: number, options: { args?: TvmArg[]; needs?: RegExp } = {}): Step {
  const run: Pass = (mod) => runPass(name, runPass('InferType', mod), ...(options.args ?? []))
  return { name, level, run, ...(options.needs ? { needs: options.needs } : {}) }
}
/** A rewriting of the main function done here. */
function ownPass(name: string, level: number, change: (main: Func, target: Target) => Func): Step {
  return {
    name,
    level,
    run: (mod, { target }) => changeMain(mod as IRModule, (main) => change(main, target)),
  }
}

const fold = ownPass('FoldConstant', 1, foldConstant)
const clean = ownPass('Simplify', 1, simplify)

/** The order of TVM's own pipeline (TVM v0.18, src/relay/backend/utils.cc); constants are folded and graphs tidied here. */
const pipeline: readonly Step[] = [
  { name: 'RemoveUnusedFunctions', level: 0, run: (mod) => runPass('RemoveUnusedFunctions', mod, ['main']) },
  { name: 'ToBasicBlockNormalForm', level: 0, run: (mod) => runPass('ToBasicBlockNormalForm', mod) },
  { name: 'LowerQuantization', level: 0, run: lowerQnn, needs: /^qnn\./ },
  relayPass('Legalize', 1, { args: ['FTVMLegalize'] }),
  relayPass('SimplifyInference', 0),
  fold,
  relayPass('EliminateCommonSubexpr', 3, { args: [null] }),
  relayPass('BackwardFoldScaleAxis', 3),
  fold,
  relayPass('ForwardFoldScaleAxis', 3),
  fold,
  clean,
  ownPass('PadChannels', 3, padChannels),
  relayPass('CanonicalizeCast', 3, { needs: /^cast$/ }),
  relayPass('CanonicalizeOps', 3, { needs: /^nn\.bias_add$/ }),
  relayPass('FlattenAtrousConv', 0, { needs: /^nn\.batch_to_space_nd$/ }),
  relayPass('AlterOpLayout', 3),
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
}

/** Graph-level optimisation. Runs within the caller's pass context. */
export function optimize(
  mod: IRModule,
  target: Target,
  optLevel: number,
  { onPass, without = [] }: OptimizeOptions = {},
): IRModule {
  return withTarget(target, () => {
    let current: TvmObject = mod
    for (const { name, level, run, needs } of pipeline) {
      if (without.includes(name)) continue
      if (level > optLevel || (needs && ![...operators(current as IRModule)].some((op) => needs.test(op))))
        continue
      onPass?.(name)
      current = run(current, { target, optLevel })
    }
    return runPass('InferType', current) as IRModule
  })
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

function changeMain(mod: IRModule, change: (main: Func) => Func): IRModule {
  const main = mod.lookup()
  const changed = change(main)
  return changed.sameAs(main) ? mod : IRModule.fromFunction(changed)
}
