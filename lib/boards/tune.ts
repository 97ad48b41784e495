import { codeNeeds } from '../compile/code-needs.js'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { MicroBoard } from '../micro/micro-board.js'
import { formatAddress, parseAddress, TRACKER_PORT } from '../rpc/address.js'
import { queryTracker } from '../rpc/tracker-client.js'
import { queueStatuses } from '../rpc/tracker-summary.js'
import type { TunerConfig } from '../tuning/config.js'
import { type TuneOptions, type TuneReport, tune as tuneNetwork } from '../tuning/tune.js'
import { type Board, type BoardInput, connectorOf } from './board.js'
import { boardHosts } from './board-host.js'
import { checkTarget } from './board-target.js'
import { buildFor } from './build-options.js'
import { BoardFarm } from './farm.js'
import { findBoard } from './find.js'
import { microBoardOf } from './micro.js'
import { type AdapterOptions, openBoard } from './open.js'

/** Milliseconds for a tracker to say which boards it knows. */
const PROMPT = 10_000

/** How a network is tuned, and on which board. */
export interface TuneOnBoardOptions extends TuneOptions, Pick<AdapterOptions, 'prompt'> {
  /** A name, a path or a description, in place of `target`: the trials and the network run there. Default this machine. */
  readonly board?: string | BoardInput
}

/** As `tune` of tuning/, on a board if one is named. @throws as that one; `ERR_UNKNOWN_BOARD`, `ERR_NOT_AVAILABLE`, `ERR_BOARD` */
export async function tune(
  model: string | Uint8Array,
  { board, prompt, ...options }: TuneOnBoardOptions = {},
): Promise<TuneReport> {
  if (board === undefined) return tuneNetwork(model, options)
  if (options.target !== undefined)
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', 'tune takes a board or a target, not both')
  const found = findBoard(board)
  const built = buildFor(found)
  const config = { ...built.config, ...options.config }
  const desiredLayouts = options.desiredLayouts ?? built.desiredLayouts
  return tuneOnBoard(found, options.tuner ?? {}, { signal: options.signal, prompt }, (tuner, micro) =>
    tuneNetwork(model, {
      ...options,
      target: found.target,
      config,
      ...(desiredLayouts && { desiredLayouts }),
      tuner,
      micro,
    }),
  )
}

/**
 * Does work with a tuner's configuration by which trials are measured on a board: on as many equal ones at once as there are, unless
 * it says otherwise. Boards behind SSH are taken for as long as the work takes.
 *
 * @throws `ERR_NOT_AVAILABLE` for boards that this version cannot tune on, `ERR_BOARD` for one that its tracker does not know or that
 * cannot be taken, `ERR_CPU_FEATURES` for one whose processor cannot run the target's code
 */
export async function tuneOnBoard<Config extends Partial<TunerConfig>, Result>(
  board: Board,
  given: Config,
  { signal, prompt }: Pick<Limits, 'signal'> & Pick<AdapterOptions, 'prompt'>,
  work: (config: Config, micro?: MicroBoard) => Promise<Result>,
): Promise<Result> {
  checkTunable(board)
  await checkTarget(board, { signal })
  const config = withHardware(board, given)
  const connector = connectorOf(board)
  if (connector === 'local') {
    await using here = openBoard(board)
    await here.take({ signal })
    return await work(config)
  }
  if (connector === 'micro') return work(config, microBoardOf(board))
  const on = (tracker: string, count: number) =>
    work({ ...config, runner: { parallel: count, ...config.runner, tracker, key: board.name } })
  if (connector === 'rpc') return on(board.tracker ?? '', await countBoards(board, signal))
  const hosts = boardHosts(board, prompt)
  await using farm = await BoardFarm.open(board, hosts, await codeNeeds(board.target, { signal }), { signal })
  return await on(formatAddress(farm.tracker), farm.size)
}

/** Boards of a name that a tracker knows. @throws `ERR_BOARD` when there are none */
async function countBoards(board: Board, signal: AbortSignal | undefined): Promise<number> {
  const tracker = board.tracker ?? ''
  const summary = await queryTracker(parseAddress(tracker, TRACKER_PORT), { signal, timeoutMs: PROMPT })
  const total = queueStatuses(summary).find(({ key }) => key === board.name)?.total ?? 0
  if (total > 0) return total
  throw new TvmNodeError(
    'ERR_BOARD',
    `the tracker at ${tracker} knows no board '${board.name}'; start "tvm-node server --key ${board.name} --tracker ${tracker}" on it`,
    { details: { board: board.name, phase: 'connect' } },
  )
}

/** The board's own limits for searches, where the configuration says nothing else. */
function withHardware<Config extends Partial<TunerConfig>>(board: Board, config: Config): Config {
  if (!board.hardware_params) return config
  const { num_cores, vector_unit_bytes, cache_line_bytes } = board.hardware_params
  return { ...config, hardware: { num_cores, vector_unit_bytes, cache_line_bytes, ...config.hardware } }
}

/** @throws `ERR_NOT_AVAILABLE` */
export function checkTunable(board: Board): void {
  if (connectorOf(board) === 'micro') microBoardOf(board)
}
