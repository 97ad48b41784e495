import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TvmBackend } from '../backend/backend.js'
import { isTvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { originOf } from '../results/origin.js'
import { ResultStore } from '../results/store.js'
import { sampleInputs } from '../session/sample-inputs.js'
import type { Batch, Combination } from './plan.js'

/** What came of a combination. */
export interface BatchResult {
  readonly model: string
  readonly board: string
  readonly tuner: string
  readonly status: 'measured' | 'failed'
  /** Whether an earlier run had measured it. */
  readonly kept: boolean
  /** `latency_us`, `latency_spread_us`, `memory_bytes`, `build_ms` and what else `TvmBackend.profile` measures. */
  readonly metrics: Readonly<Record<string, number>>
  /** How many times as fast as the same model on the same board by the tuner `baseline`. */
  readonly gain: number | undefined
  /** Why it failed. */
  readonly reason: string | undefined
}

export type BatchEvent =
  | { readonly type: 'begin'; readonly combination: Combination }
  | { readonly type: 'step'; readonly combination: Combination; readonly step: string }
  | { readonly type: 'end'; readonly combination: Combination; readonly result: Omit<BatchResult, 'gain'> }

/**
 * Tunes, builds and measures every combination that the store has not measured yet: boards side by side, each board one after the
 * other. One that fails is kept as failed and tried again by the next run.
 *
 * @returns One result for each combination, in their order.
 * @throws `ERR_RESULTS`, the signal's reason
 */
export async function runAll(
  batch: Batch,
  { signal, onEvent }: Limits & { readonly onEvent?: (event: BatchEvent) => void } = {},
): Promise<BatchResult[]> {
  await using store = await ResultStore.open(batch.results)
  const results = new Map<string, Omit<BatchResult, 'gain'>>()
  const one = async (combination: Combination) => {
    const tell = (step: string) => onEvent?.({ type: 'step', combination, step })
    signal?.throwIfAborted()
    const kept = await earlier(store, combination)
    if (!kept) onEvent?.({ type: 'begin', combination })
    const result = kept ?? (await measure(batch, store, combination, signal, tell))
    results.set(combination.key, result)
    onEvent?.({ type: 'end', combination, result })
  }
  const names = new Set(batch.combinations.map(({ board }) => board.name))
  const boards = [...names].map(async (name) => {
    for (const combination of batch.combinations) if (combination.board.name === name) await one(combination)
  })
  // None goes on after the store is closed.
  const ends = await Promise.allSettled(boards)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return batch.combinations.map(({ key }) => withGain(results.get(key), [...results.values()]))
}

async function earlier(
  store: ResultStore,
  { key, model, board, tuner }: Combination,
): Promise<Omit<BatchResult, 'gain'> | undefined> {
  const [found] = await store.list({ run: key, status: 'ok', limit: 1 })
  if (!found) return undefined
  const about = { model: model.name, board: board.name, tuner: tuner.name }
  return { ...about, status: 'measured', kept: true, metrics: found.metrics, reason: undefined }
}

async function measure(
  batch: Batch,
  store: ResultStore,
  { key, model, board, tuner }: Combination,
  signal: AbortSignal | undefined,
  tell: (step: string) => void,
): Promise<Omit<BatchResult, 'gain'>> {
  const about = { model: model.name, board: board.name, tuner: tuner.name }
  const record = { kind: 'profile' as const, run: key, board: board.name, tuner: tuner.name }
  const limits = { signal, timeoutMs: batch.timeoutMs }
  try {
    // A search that was cut off goes on where its log ends.
    const logs = `${batch.results}.tuning`
    if (tuner.name !== 'baseline') await mkdir(logs, { recursive: true })
    const settings = tuner.name === 'baseline' ? tuner : { records: join(logs, `${key}.log`), ...tuner }
    await using backend = await TvmBackend.create({ board, tuner: settings, threads: batch.threads })
    const unwatch = backend.watch(
      (event) => event.type === 'progress' && tell([event.phase, event.step].filter(Boolean).join(' ')),
    )
    const { buildMs, uploadMs } = await backend.prepare(model.path, { ...limits, shapes: model.shapes })
    tell('measure')
    const inputs = sampleInputs(backend.inputs)
    const report = await backend.profile(inputs, { ...limits, repeat: batch.repeat })
    unwatch()
    const metrics = { ...report.metrics, build_ms: buildMs, upload_ms: uploadMs }
    const origin = backend.network ? originOf(backend.network) : {}
    await store.add({
      ...origin,
      ...record,
      network: model.name,
      metrics,
      details: { profile: report.profile },
    })
    return { ...about, status: 'measured', kept: false, metrics, reason: undefined }
  } catch (error) {
    if (signal?.aborted) throw error
    const { message } = error as Error
    const code = isTvmNodeError(error) ? error.code : undefined
    await store.add({
      ...record,
      network: model.name,
      status: 'failed',
      details: { error: { message, code } },
    })
    const reason = code === undefined ? message : `${code}: ${message}`
    return { ...about, status: 'failed', kept: false, metrics: {}, reason }
  }
}

function withGain(
  result: Omit<BatchResult, 'gain'> | undefined,
  all: readonly Omit<BatchResult, 'gain'>[],
): BatchResult {
  const own = result as Omit<BatchResult, 'gain'>
  const baseline = all.find(
    ({ model, board, tuner }) => model === own.model && board === own.board && tuner === 'baseline',
  )
  const [before, after] = [baseline?.metrics.latency_us, own.metrics.latency_us]
  const gain = before !== undefined && after !== undefined ? before / after : undefined
  return { ...own, gain }
}
