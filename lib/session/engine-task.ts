import { type ArtifactMetadata, readArtifact } from './artifact.js'
import type { NamedTensors } from './inputs.js'
import { ThreadSession } from './thread-session.js'

export type EngineCall =
  | { readonly type: 'open'; readonly path: string; readonly threads: number | undefined }
  | { readonly type: 'run'; readonly inputs: NamedTensors }
  | { readonly type: 'profile'; readonly inputs: NamedTensors; readonly repeat: number | undefined }

export type EngineAnswer = {
  readonly type: 'opened'
  readonly metadata: ArtifactMetadata
  readonly threads: number
}

/** An engine that serves a session serves only that one. */
let session: ThreadSession | undefined

/** The engine's side of a `ProcessSession`. */
export async function run(call: EngineCall): Promise<unknown> {
  if (call.type === 'open') {
    session = await ThreadSession.open(await readArtifact(call.path), call.threads)
    return { type: 'opened', metadata: session.metadata, threads: session.threads } satisfies EngineAnswer
  }
  if (!session) throw new Error('this engine has no session')
  if (call.type === 'run') return session.run(call.inputs)
  return session.profile(call.inputs, call.repeat === undefined ? {} : { repeat: call.repeat })
}
