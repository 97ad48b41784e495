import type { ConfigSpace } from '../../schedule-config/config-space.js'
import type { Random } from '../random.js'

/** A trial that is done: the configuration's number, and seconds a call; infinite where it failed. */
export interface Tried {
  readonly index: number
  readonly cost: number
}

/** What a search knows when it is asked for the next trials. It keeps nothing itself, so that it can go on after a crash. */
export interface SearchState {
  readonly space: ConfigSpace
  /** In the order of the trials. */
  readonly tried: readonly Tried[]
  readonly random: Random
  /** Number of the default configuration; -1 where it is outside the space. */
  readonly start: number
  /** Whether half of the trials are to leave the layout of the default configuration, in which a network has them. */
  readonly inNetwork: boolean
}

/** Chooses the next configurations: at most `count` that are valid and not tried yet, fewer when there are no more. */
export type Search = (state: SearchState, count: number) => number[]

/** In order of their numbers. */
export const gridSearch: Search = ({ space, tried }, count) => {
  const done = new Set(tried.map(({ index }) => index))
  const chosen: number[] = []
  for (let index = 0; index < space.length && chosen.length < count; index++)
    if (!done.has(index) && space.isValid(index)) chosen.push(index)
  return chosen
}

export const randomSearch: Search = (state, count) => new Picker(state).fill(count)

/** How often a random number is drawn before the space is walked through. */
const PATIENCE = 64

/** Collects configurations without repeating any. */
export class Picker {
  readonly chosen: number[] = []
  private readonly taken: Set<number>

  constructor(private readonly state: SearchState) {
    this.taken = new Set(state.tried.map(({ index }) => index))
  }

  /** Takes the configuration if it may be taken. */
  add(index: number): boolean {
    if (index < 0 || this.taken.has(index) || !this.state.space.isValid(index)) return false
    this.taken.add(index)
    this.chosen.push(index)
    return true
  }

  /** Adds random ones until there are `count`, or no more. */
  fill(count: number): number[] {
    const { space, random } = this.state
    while (this.chosen.length < count) {
      let found = false
      for (let i = 0; i < PATIENCE && !found; i++) found = this.add(random.below(space.length))
      if (found) continue
      const first = random.below(space.length)
      for (let i = 0; i < space.length && !found; i++) found = this.add((first + i) % space.length)
      if (!found) break
    }
    return this.chosen
  }
}

/** A configuration that differs from the given one in one knob. */
export function neighbour(space: ConfigSpace, index: number, random: Random): number {
  const digits = space.digits(index)
  const free = space.dims.flatMap((length, knob) => (length > 1 ? [knob] : []))
  if (free.length === 0) return index
  const knob = random.pick(free)
  const length = space.dims[knob] as number
  digits[knob] = ((digits[knob] as number) + 1 + random.below(length - 1)) % length
  return space.indexOf(digits)
}
