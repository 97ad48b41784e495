import { availableParallelism } from 'node:os'
import { native } from '../../native.js'
import { openXGBoost } from '../xgboost.js'
import { type ProgramFeatures, STORE_FEATURES } from './program-features.js'

const ROUNDS = 300
const PATIENCE = 20

/**
 * Predicts how fast programs are from the features of their stores: each store has a score, and a program the sum of them. The
 * objective is that of TVM's model (v0.18, python/tvm/auto_scheduler/cost_model/xgb_model.py).
 */
export class ProgramModel {
  private booster: object | undefined

  constructor(private readonly seed: number) {
    openXGBoost()
  }

  get ready(): boolean {
    return this.booster !== undefined
  }

  /** @param scores - One a program, from 0 for a failed trial to 1 for the best. */
  fit({ rows, sizes }: ProgramFeatures, scores: Float32Array): void {
    if (rows.length === 0) return
    const booster = native.boosterCreate([
      ['num_feature', String(STORE_FEATURES)],
      ['base_score', '0'],
      ['max_depth', '10'],
      ['gamma', '0.001'],
      ['min_child_weight', '0'],
      ['eta', '0.2'],
      ['tree_method', 'hist'],
      ['seed', String(this.seed)],
      ['nthread', String(availableParallelism())],
      ['verbosity', '0'],
    ])
    native.boosterTrainSums(booster, rows, STORE_FEATURES, scores, sizes, ROUNDS, PATIENCE)
    this.booster = booster
  }

  /** One score a program; minus infinity for those without any store, which cannot be lowered. */
  predict({ rows, sizes }: ProgramFeatures): Float32Array {
    const scores = new Float32Array(sizes.length)
    const values =
      this.booster && rows.length > 0
        ? native.boosterPredict(this.booster, rows, STORE_FEATURES, true)
        : new Float32Array()
    let row = 0
    for (const [program, size] of sizes.entries()) {
      let sum = size === 0 ? Number.NEGATIVE_INFINITY : 0
      for (let i = 0; i < size; i++) sum += values[row++] ?? 0
      scores[program] = sum
    }
    return scores
  }
}
