import type { OperatorProfile } from './session.js'

interface ReportJson {
  readonly calls: readonly Record<string, Record<string, number | string>>[]
}

/** Reads the library's report (TVM v0.18, src/runtime/profiling.cc, AsJSON). */
export function operatorProfiles(json: string): OperatorProfile[] {
  const value = (entry: Record<string, number | string> | undefined) => Object.values(entry ?? {})[0]
  const { calls } = JSON.parse(json) as ReportJson
  return operatorShares(
    calls.map((call) => ({
      name: String(value(call.Name) ?? ''),
      durationUs: Number(value(call['Duration (us)']) ?? 0),
      device: String(value(call.Device) ?? ''),
    })),
  )
}

/** A function's name without what all begin with. */
export function operatorName(name: string): string {
  return name.replace(/^tvmgen_default_(fused_)?/, '')
}

/** Operators with what each has of the whole; their functions' names without what all begin with. */
export function operatorShares(calls: readonly Omit<OperatorProfile, 'percent'>[]): OperatorProfile[] {
  const total = calls.reduce((sum, { durationUs }) => sum + durationUs, 0)
  return calls.map(({ name, durationUs, device }) => ({
    name: operatorName(name),
    durationUs,
    percent: total > 0 ? (100 * durationUs) / total : 0,
    device,
  }))
}
