import { z } from 'zod'
import { type Board, type BoardInput, boardSchema, connectorOf } from '../boards/board.js'
import { findBoard } from '../boards/find.js'
import { parseConfig } from '../config/check.js'
import { TvmNodeError } from '../errors.js'
import {
  type TunerConfig,
  type TunerName,
  type TunerSettings,
  tunerNames,
  tunerSchema,
} from '../tuning/config.js'

/** The keys of `backend`. */
export const backendSchema = z.strictObject({
  board: z.union([z.string(), boardSchema]).describe('Name of a predefined board, or a description of one.'),
  tuner: z
    .union([z.enum(tunerNames), tunerSchema])
    .nullable()
    .default('baseline')
    .describe('Name of a tuner, or its settings; null is the baseline.'),
  tune: z.boolean().default(true).describe('Whether the tuner searches; without, the hooks go on.'),
  val_batches: z
    .int()
    .min(0)
    .default(1)
    .describe('First batches of a validation epoch that are run; 0 for none.'),
  test_batches: z.int().min(0).default(1).describe('First batches of a test that are run; 0 for none.'),
  val_frequency: z.int().min(1).default(10).describe('Runs every n-th validation epoch, the first included.'),
  isolation: z.enum(['process', 'thread']).default('process').describe('Where local boards run networks.'),
  threads: z
    .int()
    .min(1)
    .max(1024)
    .nullable()
    .default(null)
    .describe('Threads of a run; null for all processors.'),
  results: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('File in which the results of evaluations are kept; null for none.'),
})

/** A configuration as people write it. */
export interface BackendConfigInput extends Omit<z.input<typeof backendSchema>, 'board' | 'tuner'> {
  readonly board: string | BoardInput
  readonly tuner?: TunerName | TunerConfig | null
}
/** A configuration with every key, board and tuner looked up. */
export interface BackendConfig extends Readonly<Omit<z.output<typeof backendSchema>, 'board' | 'tuner'>> {
  readonly board: Board
  readonly tuner: TunerSettings
}

/**
 * Checks a configuration and looks up what it names.
 *
 * @throws `ERR_CONFIG`, `ERR_UNKNOWN_BOARD`
 */
export function resolveConfig(input: BackendConfigInput): BackendConfig {
  const { board, tuner, ...rest } = parseConfig(backendSchema, input, 'backend')
  const settings = typeof tuner === 'object' && tuner !== null ? tuner : { name: tuner ?? 'baseline' }
  const config = { ...rest, board: findBoard(board), tuner: tunerSchema.parse(settings) }
  checkCombination(config)
  return config
}

function checkCombination({ board, tuner }: BackendConfig): void {
  const impossible = (why: string) => {
    throw new TvmNodeError('ERR_CONFIG', `tuner '${tuner.name}' and board '${board.name}': ${why}`, {
      details: { path: 'tuner', tuner: tuner.name, board: board.name },
    })
  }
  if (connectorOf(board) === 'micro' && tuner.name !== 'baseline' && tuner.name !== 'autotvm') {
    impossible('boards without an operating system can only be tuned by autotvm')
  }
  if (tuner.name === 'tensorrt' && !/^cuda\b|^nvidia\//.test(board.target)) {
    impossible(`tensorrt needs a target with CUDA, not '${board.target}'`)
  }
}
