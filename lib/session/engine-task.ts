import { type ArtifactMetadata, readArtifact } from './artifact.js'
import type { ProfileReport } from './session.js'
import { engineChannel, Inbox, Outbox, type Parcel } from './shared-tensors.js'
import { ThreadSession } from './thread-session.js'

export type EngineCall =
  | { readonly type: 'open'; readonly path: string; readonly threads: number | undefined }
  | { readonly type: 'run'; readonly inputs: Parcel }
  | { readonly type: 'profile'; readonly inputs: Parcel; readonly repeat: number | undefined }

export interface Opened {
  readonly metadata: ArtifactMetadata
  readonly threads: number
}

/** What a run or a profile sends back. */
export interface Ran {
  readonly outputs: Parcel
  readonly report: Omit<ProfileReport, 'outputs'> | undefined
}

/** An engine that serves a session serves only that one, or after another opening only the later one. */
let served: { readonly session: ThreadSession; readonly inbox: Inbox; readonly outbox: Outbox } | undefined

/** The engine's side of a `ProcessSession`. */
export async function run(call: EngineCall): Promise<Opened | Ran> {
  if (call.type === 'open') return open(call.path, call.threads)
  if (!served) throw new Error('this engine has no session')
  const { session, inbox, outbox } = served
  const inputs = inbox.inPlace(call.inputs)
  if (call.type === 'run') return { outputs: outbox.put(await session.run(inputs)), report: undefined }
  const options = call.repeat === undefined ? {} : { repeat: call.repeat }
  const { outputs, ...report } = await session.profile(inputs, options)
  return { outputs: outbox.put(outputs), report }
}

async function open(path: string, threads: number | undefined): Promise<Opened> {
  const session = await ThreadSession.open(await readArtifact(path), threads === undefined ? {} : { threads })
  const { metadata } = session
  const before = served
  served = {
    session,
    inbox: new Inbox(engineChannel.there, metadata.inputs),
    outbox: new Outbox(engineChannel.back, metadata.outputs),
  }
  await before?.session.dispose()
  return { metadata, threads: session.threads }
}
