import type { CompileResult } from '../task.js'

/** A stretch of a compilation. */
export interface PassSpan {
  readonly name: string
  /** A `phase` of the compilation, a `step` of it, or a `pass` of TVM's within one. */
  readonly kind: 'phase' | 'step' | 'pass'
  /** Microseconds since the compilation began. */
  readonly startUs: number
  readonly durationUs: number
  /** Without what lies within. */
  readonly selfUs: number
}

export interface TracedResult extends CompileResult {
  readonly spans: readonly PassSpan[]
}

/** All runs of what has one name. */
export interface PassTime {
  readonly name: string
  readonly kind: PassSpan['kind']
  readonly runs: number
  /** Microseconds, without what lies within. */
  readonly selfUs: number
}

/** The time by name, the longest first. */
export function passTimes(spans: readonly PassSpan[]): PassTime[] {
  const times = new Map<string, PassTime>()
  for (const { name, kind, selfUs } of spans) {
    const key = `${kind} ${name}`
    const { runs = 0, selfUs: before = 0 } = times.get(key) ?? {}
    times.set(key, { name, kind, runs: runs + 1, selfUs: before + selfUs })
  }
  return [...times.values()].sort((a, b) => b.selfUs - a.selfUs)
}

/** Spans as Chrome, Perfetto and speedscope read them (Trace Event Format, complete events). */
export function chromeTrace(spans: readonly PassSpan[], network: string): string {
  const events = spans.map(({ name, kind, startUs, durationUs, selfUs }) => ({
    name,
    cat: kind,
    ph: 'X',
    ts: startUs,
    dur: durationUs,
    pid: 1,
    tid: 1,
    args: { selfUs },
  }))
  const title = { name: 'process_name', ph: 'M', pid: 1, tid: 1, args: { name: `compile ${network}` } }
  return `${JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [title, ...events] })}\n`
}

/** The spans of a trace that `chromeTrace` wrote. */
export function readTrace(text: string): PassSpan[] {
  const { traceEvents } = JSON.parse(text) as { traceEvents: ChromeEvent[] }
  return traceEvents.flatMap(({ name, cat, ph, ts, dur, args }) =>
    ph === 'X' ? [{ name, kind: cat, startUs: ts, durationUs: dur, selfUs: args.selfUs }] : [],
  )
}

interface ChromeEvent {
  readonly name: string
  readonly cat: PassSpan['kind']
  readonly ph: string
  readonly ts: number
  readonly dur: number
  readonly args: { readonly selfUs: number }
}
