import { describe, expect, test } from 'vitest'
import { ConfigSpace } from '#lib/schedule-config/config-space.js'
import { BoostedTrees, type Objective } from '#lib/tuning/autotvm/cost-model.js'
import { KnobFeatures } from '#lib/tuning/autotvm/features.js'
import { geneticSearch } from '#lib/tuning/autotvm/genetic.js'
import { type Mode, modes } from '#lib/tuning/autotvm/mode.js'
import { modelSearch } from '#lib/tuning/autotvm/model-search.js'
import { gridSearch, randomSearch, type Search, type Tried } from '#lib/tuning/autotvm/search.js'
import { run, type SearchRequest } from '#lib/tuning/autotvm/search-task.js'
import { Random } from '#lib/tuning/random.js'

/** Some 3,000 configurations as a convolution's has them; those of an odd number are invalid if `halved`. */
function spaceOf(halved = false): ConfigSpace {
  const space = new ConfigSpace()
  space.defineSplit('tile_ic', 64)
  space.defineSplit('tile_oc', 64)
  space.defineSplit('tile_ow', 56, { policy: 'verbose' })
  space.defineKnob('unroll_kw', [true, false])
  space.defineKnob('more', [1, 2, 3, 4])
  if (halved) space.restrict(({ index }) => index % 2 === 0)
  return space
}

/** Seconds, least for blocks of 16 channels, 14 columns, no unrolling and three more; every sixth configuration fails. */
function costOf(space: ConfigSpace, index: number): number {
  if (index % 6 === 5) return Number.POSITIVE_INFINITY
  const config = space.get(index)
  const distance = (name: string, best: number) => Math.abs(Math.log2(config.inner(name) / best))
  const blocks = distance('tile_ic', 16) + distance('tile_oc', 16) + distance('tile_ow', 14)
  return 1 + blocks + (config.value('unroll_kw') ? 1 : 0) + Math.abs((config.value('more') as number) - 3)
}

const trees = (space: ConfigSpace, objective: Objective) =>
  modelSearch(new KnobFeatures(space), new BoostedTrees(objective, 7))
const searches: Record<Mode, (space: ConfigSpace) => Search> = {
  xgb: (space) => trees(space, 'reg'),
  xgb_rank: (space) => trees(space, 'rank'),
  random: () => randomSearch,
  gridsearch: () => gridSearch,
  ga: () => geneticSearch,
}

/** Goes on as a tuner does: with a search that knows nothing but the trials so far. */
function tried(name: Mode, space: ConfigSpace, batches: number, seed = 3): Tried[] {
  const start = 0
  const trials: Tried[] = [{ index: start, cost: costOf(space, start) }]
  for (let batch = 0; batch < batches; batch++) {
    const random = new Random(seed + trials.length)
    const state = { space, tried: [...trials], random, start, inNetwork: false }
    for (const index of searches[name](space)(state, 16)) trials.push({ index, cost: costOf(space, index) })
  }
  return trials
}

describe.each(modes)('the search %s', { timeout: 60_000 }, (name) => {
  test('proposes every valid configuration once, then no more', () => {
    const small = new ConfigSpace()
    small.defineSplit('tile_ic', 16)
    small.defineSplit('tile_oc', 16)
    small.defineKnob('more', [1, 2, 3])
    small.restrict(({ index }) => index % 4 !== 3)
    const known: Tried[] = []
    for (let batch = 0; batch < 6; batch++) {
      const state = { space: small, tried: [...known], random: new Random(batch), start: 0, inNetwork: false }
      for (const index of searches[name](small)(state, 12)) known.push({ index, cost: 1 + (index % 7) })
    }
    const valid = Array.from({ length: small.length }, (_, i) => i).filter((i) => small.isValid(i))
    expect(known.map(({ index }) => index).sort((a, b) => a - b)).toEqual(valid)
  })

  test('is the same again for the same seed and trials, and has no invalid ones', () => {
    const space = spaceOf(true)
    const first = tried(name, space, 2)
    expect(tried(name, space, 2)).toEqual(first)
    expect(new Set(first.map(({ index }) => index)).size).toBe(first.length)
    for (const { index } of first.slice(1)) expect(index % 2).toBe(0)
  })

  test('goes on where all trials failed', () => {
    const space = spaceOf()
    const failed = [5, 11, 17].map((index) => ({ index, cost: Number.POSITIVE_INFINITY }))
    const state = { space, tried: failed, random: new Random(1), start: -1, inNetwork: false }
    const chosen = searches[name](space)(state, 8)
    expect(new Set([...chosen, 5, 11, 17]).size).toBe(11)
  })
})

test('gridsearch goes through the numbers', () => {
  const numbers = tried('gridsearch', spaceOf(true), 2).map(({ index }) => index)
  expect(numbers).toEqual(Array.from({ length: 33 }, (_, i) => 2 * i))
})

test.each(['xgb', 'xgb_rank'] as const)('%s proposes better ones than chance', (name) => {
  const space = spaceOf()
  /** Of the valid ones of the last batch. */
  const mean = (mode: Mode) => {
    const costs = tried(mode, space, 4)
      .slice(-16)
      .flatMap(({ cost }) => (cost < 100 ? [cost] : []))
    return costs.reduce((sum, cost) => sum + cost, 0) / costs.length
  }
  expect(mean(name)).toBeLessThan(mean('random') - 1)
})

test('ga takes over what good configurations have in common', () => {
  const space = spaceOf()
  const isAlike = (index: number) => {
    const config = space.get(index)
    return config.value('more') === 3 && config.value('unroll_kw') === false
  }
  const alike = Array.from({ length: space.length }, (_, i) => i).filter(isAlike)
  const random = new Random(4)
  const known = Array.from({ length: 40 }, () => random.pick(alike)).map((index) => ({ index, cost: 1 }))
  const state = { space, tried: known, random, start: -1, inNetwork: false }
  // Of those at random an eighth would be.
  expect(geneticSearch(state, 32).filter(isAlike).length).toBeGreaterThan(16)
})

test('in a network half of a batch is in the layout of the default configuration', () => {
  const space = spaceOf()
  const start = 2 + 7 * 3
  const state = { space, tried: [{ index: start, cost: 1 }], random: new Random(1), start, inNetwork: true }
  const chosen = trees(space, 'reg')(state, 16)
  const [ic, oc] = space.digits(start)
  const alike = chosen.filter((index) => {
    const [a, b] = space.digits(index)
    return a === ic && b === oc
  })
  expect(chosen).toHaveLength(16)
  expect(alike.length).toBeGreaterThanOrEqual(8)
  expect(alike.length).toBeLessThan(16)
})

test.each(['xgb', 'xgb_rank'] as const)(
  '%s begins with what other tasks of its template taught',
  async (mode) => {
    const dense = (rows: number) => ({
      task: 'dense_pack.x86',
      args: [['TENSOR', [rows, 96], 'float32'], ['TENSOR', [192, 96], 'float32'], null, 'float32'],
    })
    const request: SearchRequest = {
      ...{ target: 'llvm -mcpu=x86-64-v3', templates: [], workload: dense(16), tried: [], mode },
      ...{ seed: 1, count: 16, start: -1, inNetwork: false, transfer: [] },
    }
    // There, wide blocks are good.
    const width = ({ entity }: { entity: readonly (readonly unknown[])[] }) =>
      Number((entity.find(([name]) => name === 'tile_x')?.[2] as number[] | undefined)?.at(-1))
    const other = { ...request, workload: dense(32), mode: 'random' as const, count: 64 }
    const known = (await run(other)).map((config) => ({ index: config.index, cost: 1 / width(config) }))
    const mean = (configs: Awaited<ReturnType<typeof run>>) =>
      configs.reduce((sum, config) => sum + width(config), 0) / configs.length
    const transfer = [{ workload: other.workload, tried: known }]
    expect(mean(await run({ ...request, transfer }))).toBeGreaterThan(1.5 * mean(await run(request)))
  },
)
