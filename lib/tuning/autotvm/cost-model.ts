import { native } from '../../native.js'
import { openXGBoost } from '../xgboost.js'

/** Predicts how good configurations are, as numbers to compare. */
export interface CostModel {
  /** Whether it has learned anything yet. */
  readonly ready: boolean
  /** @param scores - From 0 for a failed trial to 1 for the best. */
  fit(features: Float32Array, columns: number, scores: Float32Array): void
  predict(features: Float32Array, columns: number): Float32Array
}

/** `reg` learns scores, `rank` which of two configurations is better. */
export type Objective = 'reg' | 'rank'

/** As in TVM's tuner (v0.18, python/tvm/autotvm/tuner/xgboost_cost_model.py); few rounds suffice for features of knobs. */
const ROUNDS = 80
const objectives = { reg: 'reg:squarederror', rank: 'rank:pairwise' } as const

/** Boosted trees. What a base model knows already is learned from there on. */
export class BoostedTrees implements CostModel {
  private booster: object | undefined

  /** @param base - A model of earlier records of the same kind. */
  constructor(
    private readonly objective: Objective,
    private readonly seed: number,
    private readonly base?: CostModel,
  ) {
    openXGBoost()
  }

  get ready(): boolean {
    return this.booster !== undefined || this.base?.ready === true
  }

  fit(features: Float32Array, columns: number, scores: Float32Array): void {
    this.booster = native.boosterCreate([
      ['objective', objectives[this.objective]],
      ['num_feature', String(columns)],
      ['max_depth', '4'],
      ['gamma', '0.0001'],
      ['min_child_weight', '1'],
      ['eta', '0.2'],
      ['lambda', '1'],
      ['subsample', '0.9'],
      ['seed', String(this.seed)],
      // Threads would wait for each other longer than they work, and busily.
      ['nthread', '1'],
      ['verbosity', '0'],
    ])
    const margins = this.base?.predict(features, columns) ?? new Float32Array()
    native.boosterTrain(this.booster, features, columns, scores, margins, ROUNDS)
  }

  predict(features: Float32Array, columns: number): Float32Array {
    if (!this.booster)
      return this.base?.predict(features, columns) ?? new Float32Array(features.length / columns)
    const values = native.boosterPredict(this.booster, features, columns, true)
    const known = this.base?.predict(features, columns)
    return known ? values.map((value, i) => value + (known[i] as number)) : values
  }
}
