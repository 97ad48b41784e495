import { type Aspect, currentTrace } from '../../ir/constant-trace.js'
import type { IRModule } from '../../ir/module.js'
import { Constant } from '../../ir/relay.js'
import { rewrite } from '../../ir/rewrite.js'

/** What a pass may tell of constants that have dimensions, beside all of scalars; or that it looks at nothing. */
type PassReads = Aspect | 'scalars' | 'nothing'

/**
 * What the library's passes look at (TVM v0.18, src/relay/transforms); passes of our own are watched while they look. A pass
 * that is not listed may look at everything.
 */
const passReads: Readonly<Record<string, PassReads>> = {
  RemoveUnusedFunctions: 'nothing',
  ToBasicBlockNormalForm: 'nothing',
  Legalize: 'nothing',
  SimplifyInference: 'nothing',
  EliminateCommonSubexpr: 'scalars',
  // pattern_utils.h, IsAllPositiveConstant: factors go through `nn.relu` only when they are.
  BackwardFoldScaleAxis: 'sign',
  ForwardFoldScaleAxis: 'sign',
  CanonicalizeCast: 'nothing',
  CanonicalizeOps: 'nothing',
  FlattenAtrousConv: 'nothing',
  AlterOpLayout: 'nothing',
  FastMath: 'nothing',
  FoldConstant: 'nothing',
  Simplify: 'nothing',
  KeepGates: 'nothing',
  PadChannels: 'nothing',
  ReplaceEmptyConstants: 'nothing',
  LowerQuantization: 'nothing',
  'qnn.Legalize': 'nothing',
}

/** Notes what the pass that is to run on `mod` will look at. */
export function noteReads(pass: string, mod: IRModule): void {
  const reads = passReads[pass] ?? 'value'
  if (reads === 'nothing') return
  visitConstants(mod, ({ data }) => {
    if (data.shape.length === 0) currentTrace()?.read(data)
    else if (reads !== 'scalars')
      currentTrace()?.read(data, /^float(32|64)$/.test(data.dtype) ? reads : 'value')
  })
}

/** Calls `visit` with each constant of the main function, each once, in an order that the structure alone decides. */
export function visitConstants(mod: IRModule, visit: (constant: Constant) => void): void {
  rewrite(mod.lookup(), (expr) => {
    if (expr instanceof Constant) visit(expr)
    return expr
  })
}
