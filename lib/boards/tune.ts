import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { parseAddress, TRACKER_PORT } from '../rpc/address.js'
import { queryTracker } from '../rpc/tracker-client.js'
import { queueStatuses } from '../rpc/tracker-summary.js'
import type { TunerConfig } from '../tuning/config.js'
import { type TuneOptions, type TuneReport, tune as tuneNetwork } from '../tuning/tune.js'
import { type Board, type BoardInput, connectorOf, passConfigOf } from './board.js'
import { findBoard } from './predefined.js'

/** Milliseconds for a tracker to say which boards it knows. */
const PROMPT = 10_000

export interface TuneOnBoardOptions extends TuneOptions {
  /** A name, a path or a description, in place of `target`: the trials and the network run there. Default this machine. */
  readonly board?: string | BoardInput
}

/** As `tune` of tuning/, on a board if one is named. @throws as that one; `ERR_UNKNOWN_BOARD`, `ERR_NOT_AVAILABLE`, `ERR_BOARD` */
export async function tune(
  model: string | Uint8Array,
  { board, ...options }: TuneOnBoardOptions = {},
): Promise<TuneReport> {
  if (board === undefined) return tuneNetwork(model, options)
  if (options.target !== undefined)
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', 'tune takes a board or a target, not both')
  const found = findBoard(board)
  const tuner = await tunerOnBoard(found, options.tuner ?? {}, options)
  const config = { ...passConfigOf(found), ...options.config }
  return tuneNetwork(model, { ...options, target: found.target, config, tuner })
}

/**
 * A tuner's configuration, with trials measured on a board: on as many equal ones at once as the tracker has, unless it says
 * otherwise.
 *
 * @throws `ERR_NOT_AVAILABLE` for boards that this version cannot tune on, `ERR_BOARD` for one that its tracker does not know
 */
export async function tunerOnBoard<Config extends Partial<TunerConfig>>(
  board: Board,
  given: Config,
  limits: Limits = {},
): Promise<Config> {
  checkTunable(board)
  const config = withHardware(board, given)
  if (connectorOf(board) === 'local' || board.tracker === null) return config
  const summary = await queryTracker(parseAddress(board.tracker, TRACKER_PORT), {
    signal: limits.signal,
    timeoutMs: PROMPT,
  })
  const total = queueStatuses(summary).find(({ key }) => key === board.name)?.total ?? 0
  if (total === 0) {
    throw new TvmNodeError(
      'ERR_BOARD',
      `the tracker at ${board.tracker} knows no board '${board.name}'; start "tvm-node server --key ${board.name} --tracker ${board.tracker}" on it`,
      { details: { board: board.name, phase: 'connect' } },
    )
  }
  const runner = { parallel: total, ...config.runner, tracker: board.tracker, key: board.name }
  return { ...config, runner }
}

/** The board's own limits for searches, where the configuration says nothing else. */
function withHardware<Config extends Partial<TunerConfig>>(board: Board, config: Config): Config {
  if (!board.hardware_params) return config
  const { num_cores, vector_unit_bytes, cache_line_bytes } = board.hardware_params
  return { ...config, hardware: { num_cores, vector_unit_bytes, cache_line_bytes, ...config.hardware } }
}

/** @throws `ERR_NOT_AVAILABLE` */
export function checkTunable(board: Board): void {
  const connector = connectorOf(board)
  if (connector === 'local' || connector === 'rpc') return
  throw new TvmNodeError(
    'ERR_NOT_AVAILABLE',
    `this version tunes on this machine and on boards behind a tracker, not on '${board.name}', which is reached by '${connector}'; set tune to false or name a tracker`,
    { details: { board: board.name, connector } },
  )
}
