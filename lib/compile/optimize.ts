import { foldConstant } from '../ir/fold-constant.js'
import { IRModule } from '../ir/module.js'
import { type Target, withTarget } from '../ir/target.js'
import { runPass } from '../ir/transform.js'
import { getGlobalFunc, type TvmArg, type TvmObject } from '../runtime/index.js'

/** One step of the Relay pipeline: the pass, the lowest optimisation level it runs at, its constructor's arguments. */
interface Step {
  readonly pass: string
  readonly level: number
  readonly args?: readonly TvmArg[]
  readonly dialect?: 'qnn'
}
const FOLD = { pass: 'FoldConstant', level: 1 } as const

/** The order of TVM's own pipeline (TVM v0.18, src/relay/backend/utils.cc), with constants folded here. */
const pipeline: readonly Step[] = [
  { pass: 'RemoveUnusedFunctions', level: 0, args: [['main']] },
  { pass: 'ToBasicBlockNormalForm', level: 0 },
  { pass: 'Legalize', level: 0, dialect: 'qnn' },
  { pass: 'Legalize', level: 1, args: ['FTVMLegalize'] },
  { pass: 'SimplifyInference', level: 0 },
  { pass: 'EliminateCommonSubexpr', level: 3, args: [null] },
  FOLD,
  { pass: 'BackwardFoldScaleAxis', level: 3 },
  FOLD,
  { pass: 'ForwardFoldScaleAxis', level: 3 },
  FOLD,
  { pass: 'SimplifyExpr', level: 0 },
  { pass: 'CanonicalizeCast', level: 3 },
  { pass: 'CanonicalizeOps', level: 3 },
  { pass: 'FlattenAtrousConv', level: 0 },
  { pass: 'AlterOpLayout', level: 3 },
  FOLD,
  { pass: 'SimplifyExprPostAlterOp', level: 0 },
  { pass: 'FastMath', level: 4 },
  FOLD,
]

/** Names under which the library would run the same passes again; a build that comes after `optimize` disables them. */
export const passesDone: readonly string[] = [
  'qnn.Legalize',
  'QnnLegalize',
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

/** Graph-level optimisation. Runs within the caller's pass context; `onPass` hears each pass before it runs. */
export function optimize(mod: IRModule, target: Target, optLevel: number, onPass?: (pass: string) => void): IRModule {
  return withTarget(target, () => {
    let current: TvmObject = mod
    for (const { pass, level, args, dialect } of pipeline) {
      if (level > optLevel) continue
      onPass?.(dialect ? `${dialect}.${pass}` : pass)
      if (pass === FOLD.pass) current = foldModule(current as IRModule)
      else if (dialect === 'qnn') current = legalizeQnn(current)
      else current = runPass(pass, runPass('InferType', current), ...(args ?? []))
    }
    return runPass('InferType', current) as IRModule
  })
}

function legalizeQnn(mod: TvmObject): TvmObject {
  const pass = getGlobalFunc('relay.qnn._transform.Legalize')() as TvmObject
  return getGlobalFunc('transform.RunPass')(pass, runPass('InferType', mod)) as TvmObject
}

function foldModule(mod: IRModule): IRModule {
  const main = mod.lookup()
  const folded = foldConstant(main)
  if (folded.sameAs(main)) return mod
  const variable = getGlobalFunc('ir.Module_GetGlobalVar')(mod, 'main')
  getGlobalFunc('ir.Module_Add')(mod, variable, folded, true)
  return mod
}
