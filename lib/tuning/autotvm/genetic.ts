import { Picker, type Search, type Tried } from './search.js'

/** As in TVM (v0.18, python/tvm/autotvm/tuner/ga_tuner.py). */
const POPULATION = 100
const ELITE = 3
const MUTATION = 0.1

/** Crosses the digits of good configurations and changes some of them. */
export const geneticSearch: Search = (state, count) => {
  const { space, tried, random } = state
  const picker = new Picker(state)
  const population = [
    ...tried.slice(-POPULATION),
    ...[...tried].sort((a, b) => a.cost - b.cost).slice(0, ELITE),
  ].filter(({ cost }) => Number.isFinite(cost))
  if (population.length < 2) return picker.fill(count)
  const parent = roulette(population, () => random.next())
  const { dims } = space
  for (let attempt = 0; attempt < 20 * count && picker.chosen.length < count; attempt++) {
    const [a, b] = [space.digits(parent().index), space.digits(parent().index)]
    const cut = random.below(dims.length)
    const child = dims.map((length, i) => {
      if (random.next() < MUTATION) return random.below(length)
      return (i < cut ? a[i] : b[i]) as number
    })
    picker.add(space.indexOf(child))
  }
  return picker.fill(count)
}

/** Picks one with a probability in proportion to its speed. */
function roulette(population: readonly Tried[], next: () => number): () => Tried {
  const total = population.reduce((sum, { cost }) => sum + 1 / cost, 0)
  return () => {
    let left = next() * total
    for (const each of population) {
      left -= 1 / each.cost
      if (left <= 0) return each
    }
    return population[population.length - 1] as Tried
  }
}
