import { TvmNodeError } from '../errors.js'
import { annotate, type KnobSpace } from './knob.js'

/**
 * What may become of axes. `none`, `unroll` and `vec` joined by `_`, with `try_` in front for `none`: each axis takes any of
 * them, at most one is a vector. `bind_gpu` and `bind_gpu_virtual`: the one customary binding. `locate_cache`: the axes at which
 * `anchors` cached stages are placed.
 */
export type AnnotatePolicy = string | { readonly policy: 'locate_cache'; readonly anchors: number }

/** All annotations of `count` axes (TVM v0.18, python/tvm/autotvm/task/space.py, AnnotateSpace). */
export function annotateSpace(count: number, policy: AnnotatePolicy): KnobSpace {
  if (typeof policy !== 'string') return combinations(count, policy.anchors).map((axes) => annotate(...axes))
  if (policy.startsWith('bind_gpu')) return [annotate(...binding(count, policy === 'bind_gpu_virtual'))]
  const options = policy.replace('try', 'none').split('_')
  const unknown = options.find((option) => !['none', 'unroll', 'vec'].includes(option))
  if (unknown !== undefined) throw invalid(`'${policy}' is no policy of annotations`)
  let marks: string[][] = [[]]
  for (let i = 0; i < count; i++) marks = marks.flatMap((before) => options.map((mark) => [...before, mark]))
  return marks
    .filter((each) => each.filter((mark) => mark === 'vec').length <= 1)
    .map((each) => annotate(...each))
}

function combinations(count: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]]
  const found: number[][] = []
  for (let first = from; first < count; first++)
    for (const rest of combinations(count, size - 1, first + 1)) found.push([first, ...rest])
  return found
}

/** By how many axes there are at least, the marks of the last ones; those before them are fused. */
const bindings = [
  [2, ['x']],
  [4, ['y', 'x']],
  [6, ['z', 'y', 'x']],
] as const
const virtualBindings = [
  [3, ['x']],
  [6, ['y', 'x']],
  [9, ['z', 'y', 'x']],
] as const

function binding(count: number, virtual: boolean): string[] {
  const found = (virtual ? virtualBindings : bindings).findLast(([least]) => count >= least)
  if (!found) throw invalid(`${count} axes are too few to bind to a GPU's threads`)
  const [least, letters] = found
  return [
    ...new Array<string>(count - least).fill('fuse'),
    ...letters.map((letter) => `blockIdx.${letter}`),
    ...(virtual ? letters.map(() => 'vthread') : []),
    ...letters.map((letter) => `threadIdx.${letter}`),
  ]
}

function invalid(message: string): TvmNodeError {
  return new TvmNodeError('ERR_INVALID_CONFIG', message)
}
