import type { Random } from '../random.js'
import type { CostModel } from './cost-model.js'
import type { KnobFeatures } from './features.js'
import { inLayoutOf } from './layout.js'
import { neighbour, Picker, type Search, type SearchState } from './search.js'

/** Spaces up to this size are predicted whole; in larger ones annealing looks for the best. */
const WHOLE_SPACE = 20_000
/** The share of a batch that is random, so that the model also sees what it thinks little of. */
const RANDOM_SHARE = 0.1
/** The share of the first batch that lies about the default configuration. */
const NEAR_START = 0.5
/** The share of a batch that leaves the layout, in the search of a network. */
const IN_LAYOUT = 0.5

/** Simulated annealing, as in TVM (v0.18, python/tvm/autotvm/tuner/sa_model_optimizer.py). */
const CHAINS = 128
const ITERATIONS = 300
const PATIENCE = 50

/** Measures what a cost model, trained on all trials so far, thinks best. */
export function modelSearch(features: KnobFeatures, model: CostModel): Search {
  return (state, count) => {
    const picker = new Picker(state)
    const known = state.tried.filter(({ index }) => index >= 0)
    const best = Math.min(...known.map(({ cost }) => cost))
    if (Number.isFinite(best)) {
      const scores = Float32Array.from(known, ({ cost }) => (Number.isFinite(cost) ? best / cost : 0))
      model.fit(features.of(known.map(({ index }) => index)), features.columns, scores)
    } else if (!model.ready) return firstBatch(state, picker, count)
    const plain = plainOf(state)
    const ranked = promising(state, features, model, plain)
    const take = (indices: readonly number[], limit: number) => {
      for (const index of indices) {
        if (picker.chosen.length >= limit) break
        picker.add(index)
      }
    }
    const own = new Set(plain)
    take(
      ranked.filter((index) => own.has(index)),
      count * IN_LAYOUT,
    )
    take(ranked, Math.ceil(count * (1 - RANDOM_SHARE)))
    return picker.fill(count)
  }
}

/** In a network, the configurations that leave its layout as it is. */
function plainOf({ inNetwork, space, start }: SearchState): number[] {
  return inNetwork ? inLayoutOf(space, start, WHOLE_SPACE) : []
}

/** The default configuration, some that differ from it in a knob or two, and random ones. */
function firstBatch({ space, start, random, tried }: SearchState, picker: Picker, count: number): number[] {
  if (start >= 0 && tried.length === 0) {
    picker.add(start)
    for (let i = 0; i < 10 * count && picker.chosen.length < NEAR_START * count; i++) {
      const near = neighbour(space, start, random)
      picker.add(random.next() < 0.5 ? near : neighbour(space, near, random))
    }
  }
  return picker.fill(count)
}

/** Configurations from the best predicted one on. */
function promising(
  state: SearchState,
  features: KnobFeatures,
  model: CostModel,
  plain: readonly number[],
): number[] {
  const { space, random } = state
  const predict = (indices: readonly number[]) => model.predict(features.of(indices), features.columns)
  const candidates =
    space.length <= WHOLE_SPACE
      ? Array.from({ length: space.length }, (_, index) => index)
      : [...new Set([...anneal(state, predict), ...plain])]
  // Trees give many configurations the same value: those are taken in random order.
  const ranked = [...predict(candidates)].map((value, i) => ({ value, i, tie: random.next() }))
  ranked.sort((a, b) => b.value - a.value || a.tie - b.tie)
  return ranked.map(({ i }) => candidates[i] as number)
}

function anneal(
  { space, tried, random, start }: SearchState,
  predict: (indices: readonly number[]) => Float32Array,
): number[] {
  const good = [...tried].sort((a, b) => a.cost - b.cost).slice(0, CHAINS / 4)
  let points = [start, ...good.map(({ index }) => index)].filter((index) => index >= 0)
  while (points.length < CHAINS) points.push(random.below(space.length))
  let scores = predict(points)
  const seen = new Map(points.map((index, i) => [index, scores[i] as number]))
  let best = Math.max(...scores)
  let since = 0
  for (let i = 0; i < ITERATIONS && since < PATIENCE; i++, since++) {
    const temperature = 1 - i / ITERATIONS
    const moved = points.map((index) => neighbour(space, index, random))
    const after = predict(moved)
    for (const [chain, index] of moved.entries()) seen.set(index, after[chain] as number)
    const accepted = moved.map((_, chain) =>
      accepts((after[chain] as number) - (scores[chain] as number), temperature, random),
    )
    const before = scores
    points = points.map((index, chain) => (accepted[chain] ? (moved[chain] as number) : index))
    scores = before.map((score, chain) => (accepted[chain] ? (after[chain] as number) : score))
    const top = Math.max(...after)
    if (top > best) [best, since] = [top, 0]
  }
  return [...seen].sort((a, b) => b[1] - a[1]).map(([index]) => index)
}

function accepts(gain: number, temperature: number, random: Random): boolean {
  return gain >= 0 || random.next() < Math.exp(gain / Math.max(temperature, 1e-5))
}
