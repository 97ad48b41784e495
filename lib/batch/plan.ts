import { createHash } from 'node:crypto'
import { basename, dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type Board, boardSchema } from '../boards/board.js'
import { findBoard } from '../boards/find.js'
import { readConfigFile } from '../config/file.js'
import { readFile } from '../frontend/onnx/read-file.js'
import { type TunerSettings, tunerFor, tunerNames, tunerSchema } from '../tuning/tuner.js'
import { packageVersion } from '../version.js'

const modelSchema = z.strictObject({
  path: z.string().min(1).describe('ONNX file, relative to the configuration.'),
  name: z.string().min(1).optional().describe('What tables call it; default the name of the file.'),
  shapes: z
    .record(z.string(), z.array(z.int().min(1)))
    .default({})
    .describe('Shapes of inputs that the model leaves open.'),
})

/** A batch: every model on every board by every tuner. */
export const batchSchema = z.strictObject({
  models: z.array(z.union([z.string().min(1), modelSchema])).min(1),
  boards: z
    .array(z.union([z.string(), boardSchema]))
    .min(1)
    .describe('Names, or descriptions.'),
  tuners: z
    .array(z.union([z.enum(tunerNames), tunerSchema]))
    .min(1)
    .default(['baseline']),
  results: z
    .string()
    .min(1)
    .default('results.db')
    .describe('File in which results are kept, and from which a run goes on; relative to the configuration.'),
  repeat: z.int().min(1).default(20).describe('Timed runs for each latency.'),
  threads: z
    .int()
    .min(1)
    .max(1024)
    .nullable()
    .default(null)
    .describe('Threads of a run; null for all processors.'),
  timeout: z.number().positive().optional().describe('Seconds for one combination, its tuning included.'),
})

export interface Combination {
  /** The same for the same model, board, tuner, settings and version of this package. */
  readonly key: string
  readonly model: { readonly name: string; readonly path: string; readonly shapes: Record<string, number[]> }
  readonly board: Board
  readonly tuner: TunerSettings
}

export interface Batch {
  readonly combinations: readonly Combination[]
  readonly results: string
  readonly repeat: number
  readonly threads: number | null
  readonly timeoutMs: number | undefined
}

/**
 * Reads a batch and looks up all that it names, before any work starts.
 *
 * @throws `ERR_CONFIG` with file and line, `ERR_UNKNOWN_BOARD`, `ERR_MODEL_READ`, `ERR_NOT_AVAILABLE` for a tuner that this version has not
 */
export function readBatch(path: string): Batch {
  const { models, boards, tuners, results, repeat, threads, timeout } = readConfigFile(batchSchema, path)
  const within = (place: string) => resolve(dirname(path), place)
  const chosen = {
    models: models.map((each) => (typeof each === 'string' ? modelSchema.parse({ path: each }) : each)),
    boards: boards.map((each) =>
      findBoard(typeof each === 'string' && /[/.]/.test(each) ? within(each) : each),
    ),
    tuners: tuners.map((each) => (typeof each === 'string' ? tunerSchema.parse({ name: each }) : each)),
  }
  for (const { name } of chosen.tuners) tunerFor(name)
  const combinations = chosen.models.flatMap(({ path: file, name, shapes }) => {
    const model = { name: name ?? basename(file, '.onnx'), path: within(file), shapes }
    const hash = digest(readFile(model.path))
    return chosen.boards.flatMap((board) =>
      chosen.tuners.map((tuner) => {
        const settings = { hash, shapes, board, tuner, repeat, threads, packageVersion }
        return { key: digest(JSON.stringify(settings)), model, board, tuner }
      }),
    )
  })
  return {
    // What is written twice is done once.
    combinations: [...new Map(combinations.map((each) => [each.key, each])).values()],
    results: within(results),
    repeat,
    threads,
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
  }
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
