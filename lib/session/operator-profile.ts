import type { OperatorProfile } from './session.js'

interface ReportJson {
  readonly calls: readonly Record<string, Record<string, number | string>>[]
}

/** Reads the library's report (TVM v0.18, src/runtime/profiling.cc, AsJSON). */
export function operatorProfiles(json: string): OperatorProfile[] {
  const value = (entry: Record<string, number | string> | undefined) => Object.values(entry ?? {})[0]
  const { calls } = JSON.parse(json) as ReportJson
  const total = calls.reduce((sum, call) => sum + Number(value(call['Duration (us)']) ?? 0), 0)
  return calls.map((call) => {
    const durationUs = Number(value(call['Duration (us)']) ?? 0)
    return {
      name: String(value(call.Name) ?? '').replace(/^tvmgen_default_(fused_)?/, ''),
      durationUs,
      percent: total > 0 ? (100 * durationUs) / total : 0,
      device: String(value(call.Device) ?? ''),
    }
  })
}
