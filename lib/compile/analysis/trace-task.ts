import { passListener, watchingPasses } from '../../ir/transform.js'
import type { ProgressEvent, TaskContext } from '../../process/protocol.js'
import { openLibrary } from '../../runtime/index.js'
import { type CompileRequest, run as compile } from '../task.js'
import type { PassSpan, TracedResult } from './trace.js'

/** The engine's side of `compile` with a trace: as without, and when each phase, step and pass began and ended. */
export async function run(request: CompileRequest, context: TaskContext): Promise<TracedResult> {
  openLibrary({ kind: 'compiler' })
  const recorder = new SpanRecorder()
  const progress = (event: ProgressEvent) => {
    recorder.note(event)
    context.progress(event)
  }
  const listener = passListener(
    (pass) => recorder.begin(pass, 'pass'),
    (pass) => recorder.endPass(pass),
  )
  const result = await watchingPasses(listener, () => compile(request, { ...context, progress }))
  return { ...result, spans: recorder.finish() }
}

interface OpenSpan extends Pick<PassSpan, 'name' | 'kind' | 'startUs'> {
  within: number
}

/** Puts begins and ends together; what is within something ends no later. */
class SpanRecorder {
  private readonly origin = performance.now()
  private readonly open: OpenSpan[] = []
  private readonly spans: PassSpan[] = []

  /** A phase or a step of one begins, and the one before ends. */
  note({ phase, step }: ProgressEvent): void {
    const [current] = this.open
    if (current?.name !== phase) {
      this.closeTo(0)
      this.begin(phase, 'phase')
    } else this.closeTo(1)
    // Of code generation the steps are files that several threads write.
    if (step !== undefined && phase === 'optimize') this.begin(step, 'step')
  }

  begin(name: string, kind: PassSpan['kind']): void {
    this.open.push({ name, kind, startUs: this.now(), within: 0 })
  }

  /** A pass that failed has no end of its own: those within the one that ends are closed too. */
  endPass(name: string): void {
    const at = this.open.findLastIndex((span) => span.kind === 'pass' && span.name === name)
    if (at >= 0) this.closeTo(at)
  }

  finish(): PassSpan[] {
    this.closeTo(0)
    return this.spans.sort((a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs)
  }

  private closeTo(depth: number): void {
    while (this.open.length > depth) {
      const { name, kind, startUs, within } = this.open.pop() as OpenSpan
      const durationUs = this.now() - startUs
      const parent = this.open.at(-1)
      if (parent) parent.within += durationUs
      this.spans.push({ name, kind, startUs, durationUs, selfUs: Math.max(0, durationUs - within) })
    }
  }

  private now(): number {
    return 1000 * (performance.now() - this.origin)
  }
}
