import { native } from '../native.js'
import { openXGBoost } from './xgboost.js'

const ROUNDS = 300
const PATIENCE = 20

/** Features of the stores of programs, one store a row; program after program. */
export interface ProgramFeatures {
  readonly rows: Float32Array
  /** Rows of each program; 0 for one that cannot be lowered. */
  readonly sizes: Int32Array
}

/** Programs one after the other. */
export function joined(parts: readonly ProgramFeatures[]): ProgramFeatures {
  const rows = new Float32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
  const sizes = new Int32Array(parts.reduce((sum, part) => sum + part.sizes.length, 0))
  let row = 0
  let program = 0
  for (const part of parts) {
    rows.set(part.rows, row)
    sizes.set(part.sizes, program)
    row += part.rows.length
    program += part.sizes.length
  }
  return { rows, sizes }
}

/**
 * Predicts how fast programs are from the features of their stores: each store has a score, and a program the sum of them. The
 * objective is that of TVM's models (v0.18, python/tvm/auto_scheduler/cost_model/xgb_model.py and
 * python/tvm/meta_schedule/cost_model/xgb_model.py).
 */
export class ProgramModel {
  private booster: object | undefined

  /** @param width - Numbers that describe a store. */
  constructor(
    private readonly width: number,
    private readonly seed: number,
  ) {
    openXGBoost()
  }

  get ready(): boolean {
    return this.booster !== undefined
  }

  /** @param scores - One a program, from 0 for a failed trial to 1 for the best. */
  fit({ rows, sizes }: ProgramFeatures, scores: Float32Array): void {
    if (rows.length === 0) return
    const booster = native.boosterCreate([
      ['num_feature', String(this.width)],
      ['base_score', '0'],
      ['max_depth', '10'],
      ['gamma', '0.001'],
      ['min_child_weight', '0'],
      ['eta', '0.2'],
      ['tree_method', 'hist'],
      ['seed', String(this.seed)],
      // Threads wait for each other busily: beside other work two take ten times as long as one.
      ['nthread', '1'],
      ['verbosity', '0'],
    ])
    native.boosterTrainSums(booster, rows, this.width, scores, sizes, ROUNDS, PATIENCE)
    this.booster = booster
  }

  /** One score a program; minus infinity for those without any store, which cannot be lowered. */
  predict({ rows, sizes }: ProgramFeatures): Float32Array {
    const scores = new Float32Array(sizes.length)
    const values =
      this.booster && rows.length > 0
        ? native.boosterPredict(this.booster, rows, this.width, true)
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
