import type { TvmObject } from '../runtime/index.js'
import { joined, type ProgramFeatures, ProgramModel } from './program-model.js'
import { Random } from './random.js'

/** Programs that a task may have, as the library makes them. `Candidate` is plain data that stands for one. */
export interface ProgramSpace<Candidate> {
  /** Programs of a generation. */
  readonly population: number
  /** New ones at random. */
  sample(): TvmObject[]
  /** Bred from `population` by what the model predicts, from the best predicted one on, those in `known` not counted. */
  evolve(population: readonly TvmObject[], count: number, known: ReadonlySet<string>): TvmObject[]
  parse(candidate: Candidate): TvmObject
  serialize(program: TvmObject): Candidate
  /** A text that is equal for equal programs of one task. */
  identity(program: TvmObject): string
  features(programs: readonly TvmObject[]): ProgramFeatures
}

/** Scores of programs of a task by what is known so far. */
export type Predict = (programs: readonly TvmObject[]) => Float32Array

/** A program that was measured. */
export interface MeasuredProgram<Candidate> {
  /** The task. */
  readonly key: string
  readonly candidate: Candidate
  /** Seconds a call; infinite where it failed. */
  readonly cost: number
}

export interface GuidedSearchOptions<Candidate> {
  readonly mode: 'xgb' | 'random'
  readonly seed: number
  /** Numbers that describe a store of a program. */
  readonly width: number
  /** The programs of a task. */
  readonly open: (key: string, predict: Predict, seed: number) => ProgramSpace<Candidate>
}

/** Share of a batch that is random, so that the model also sees what it thinks little of. */
const RANDOM_SHARE = 0.05
/** Share of the first generation that are the best measured ones. */
export const MEASURED_SHARE = 0.2
/** New trials, as a share of those known, that a model is trained again for. */
const WORTH_TRAINING = 0.2
const FEWEST_TO_TRAIN = 8

interface Measured {
  readonly program: TvmObject
  readonly cost: number
  readonly features: ProgramFeatures
}

interface OpenTask<Candidate> {
  readonly space: ProgramSpace<Candidate>
  readonly measured: Measured[]
  /** Identities of all that was measured or proposed. */
  readonly known: Set<string>
}

/** A search over programs of several tasks, led by one model of all that was measured. */
export class GuidedSearch<Candidate> {
  private readonly tasks = new Map<string, OpenTask<Candidate>>()
  private readonly random: Random
  private readonly model: ProgramModel | undefined
  private trained = 0

  constructor(private readonly options: GuidedSearchOptions<Candidate>) {
    const { mode, seed, width } = options
    this.random = new Random(seed)
    this.model = mode === 'xgb' ? new ProgramModel(width, seed) : undefined
  }

  /** Takes in what was measured since the last call, of any task, and chooses programs of one task that were not. */
  propose(key: string, count: number, measured: readonly MeasuredProgram<Candidate>[]): Candidate[] {
    for (const each of measured) this.learn(each)
    this.train()
    const { space, known, ...open } = this.open(key)
    const population = [...space.sample(), ...this.best(open.measured, space.population)]
    const random = Math.max(1, Math.round(RANDOM_SHARE * count))
    const better = this.model?.ready ? space.evolve(population, count, known) : []
    const chosen: TvmObject[] = []
    const take = (programs: readonly TvmObject[], limit: number) => {
      for (const program of programs) {
        if (chosen.length >= limit) break
        const identity = space.identity(program)
        if (known.has(identity)) continue
        known.add(identity)
        chosen.push(program)
      }
    }
    take(better, count - random)
    take(this.shuffled(population), count)
    take(better, count)
    return chosen.map((program) => space.serialize(program))
  }

  private open(key: string): OpenTask<Candidate> {
    const opened = this.tasks.get(key)
    if (opened) return opened
    const { open, seed } = this.options
    const predict: Predict = (programs) => this.predict(made.space, programs)
    const made: OpenTask<Candidate> = {
      space: open(key, predict, 1 + ((seed + this.tasks.size * 7919) % 2 ** 30)),
      measured: [],
      known: new Set(),
    }
    this.tasks.set(key, made)
    return made
  }

  private learn({ key, candidate, cost }: MeasuredProgram<Candidate>): void {
    const { space, measured, known } = this.open(key)
    const program = parsed(space, candidate)
    if (!program) return
    known.add(space.identity(program))
    measured.push({ program, cost, features: space.features([program]) })
  }

  /** Trains when enough is new. Trials of all tasks teach, each by its share of the best speed of its own task. */
  private train(): void {
    const all = [...this.tasks.values()].map(({ measured }) => measured)
    const count = all.reduce((sum, { length }) => sum + length, 0)
    if (!this.model || count < FEWEST_TO_TRAIN || count - this.trained < WORTH_TRAINING * this.trained) return
    const parts = all.flatMap((measured) => {
      const best = Math.min(...measured.map(({ cost }) => cost))
      return measured
        .filter(({ features }) => (features.sizes[0] as number) > 0)
        .map(({ features, cost }) => ({ features, score: Number.isFinite(cost) ? best / cost : 0 }))
    })
    this.model.fit(
      joined(parts.map(({ features }) => features)),
      Float32Array.from(parts, ({ score }) => score),
    )
    this.trained = count
  }

  /** The fastest ones, as many as a generation begins with. */
  private best(measured: readonly Measured[], population: number): TvmObject[] {
    return [...measured]
      .filter(({ cost }) => Number.isFinite(cost))
      .sort((a, b) => a.cost - b.cost)
      .slice(0, MEASURED_SHARE * population)
      .map(({ program }) => program)
  }

  private predict(space: ProgramSpace<Candidate>, programs: readonly TvmObject[]): Float32Array {
    if (this.model?.ready) return this.model.predict(space.features(programs))
    return Float32Array.from(programs, () => this.random.next())
  }

  private shuffled(programs: readonly TvmObject[]): TvmObject[] {
    const keyed = programs.map((program) => ({ program, key: this.random.next() }))
    return keyed.sort((a, b) => a.key - b.key).map(({ program }) => program)
  }
}

/** Undefined for what no longer applies, as records of other versions may: nothing is to be learnt from them. */
function parsed<Candidate>(space: ProgramSpace<Candidate>, candidate: Candidate): TvmObject | undefined {
  try {
    return space.parse(candidate)
  } catch {
    return undefined
  }
}
