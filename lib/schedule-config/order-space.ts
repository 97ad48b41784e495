import { type KnobSpace, reorder } from './knob.js'

/** Which orders of axes there are to choose from; axes are named by their positions. */
export type OrderPolicy =
  | { readonly policy: 'identity' }
  | { readonly policy: 'all' }
  /** All orders of the axes from `interval[0]` up to but not including `interval[1]`. */
  | { readonly policy: 'interval_all'; readonly interval: readonly [number, number] }
  | { readonly policy: 'candidate'; readonly candidates: readonly (readonly number[])[] }
  /** Merges of chains: the outer loops of each spatial chain first, then their innermost ones with the reductions. */
  | {
      readonly policy: 'interleave'
      readonly spatial: readonly (readonly number[])[]
      readonly reduce: readonly (readonly number[])[]
    }

/** All orders of `count` axes that the policy allows (TVM v0.18, python/tvm/autotvm/task/space.py, ReorderSpace). */
export function orderSpace(count: number, options: OrderPolicy): KnobSpace {
  const axes = range(0, count)
  switch (options.policy) {
    case 'identity':
      return [reorder(...axes)]
    case 'all':
      return permutations(axes).map((order) => reorder(...order))
    case 'interval_all': {
      const [begin, end] = options.interval
      const [prefix, suffix] = [range(0, begin), range(end, count)]
      return permutations(range(begin, end)).map((middle) => reorder(...prefix, ...middle, ...suffix))
    }
    case 'candidate':
      return options.candidates.map((order) => reorder(...order))
    case 'interleave': {
      const outer = merges(options.spatial.map((chain) => chain.slice(0, -1)))
      const inner = merges([...options.spatial.map((chain) => chain.slice(-1)), ...options.reduce])
      return outer.flatMap((before) => inner.map((after) => reorder(...before, ...after)))
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
}

/** In lexicographic order. */
function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  )
}

/** The merge that always takes from the chain with most left, the first of equals. */
function merges(chains: readonly (readonly number[])[]): number[][] {
  const left = chains.map((chain) => [...chain])
  const merged: number[] = []
  for (;;) {
    const most = Math.max(0, ...left.map((chain) => chain.length))
    const chain = left.find(({ length }) => length === most)
    const next = chain?.shift()
    if (next === undefined) return [merged]
    merged.push(next)
  }
}
