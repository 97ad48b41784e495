import { native } from '../native.js'
import { type ArtifactMetadata, readArtifact } from './artifact.js'
import type { ProfileReport } from './session.js'
import { SharedTensors } from './shared-tensors.js'
import { ThreadSession } from './thread-session.js'

export type EngineCall =
  | { readonly type: 'open'; readonly path: string; readonly threads: number | undefined }
  | { readonly type: 'run' }
  | { readonly type: 'profile'; readonly repeat: number | undefined }

export interface Opened {
  readonly metadata: ArtifactMetadata
  readonly threads: number
  /** Name and bytes of the memory through which inputs, then outputs, travel. */
  readonly memory: { readonly name: string; readonly size: number }
}

/** Tensors of a session within the memory that both processes have. */
export function sharedTensors(buffer: ArrayBuffer, { inputs, outputs }: ArtifactMetadata) {
  return {
    inputs: SharedTensors.over(buffer, inputs),
    outputs: SharedTensors.over(buffer, outputs, SharedTensors.size(inputs)),
  }
}

/** An engine that serves a session serves only that one, or after another opening only the later one. */
let served:
  | { readonly session: ThreadSession; readonly tensors: ReturnType<typeof sharedTensors> }
  | undefined
/** Memory that the other side may not have opened yet. */
let offered: string | undefined
process.once('exit', () => offered !== undefined && native.sharedMemoryUnlink(offered))

/** The engine's side of a `ProcessSession`. */
export async function run(call: EngineCall): Promise<Opened | Omit<ProfileReport, 'outputs'> | undefined> {
  if (call.type === 'open') return open(call.path, call.threads)
  if (!served) throw new Error('this engine has no session')
  const { session, tensors } = served
  if (call.type === 'run') {
    tensors.outputs.write(await session.run(tensors.inputs.inPlace))
    return undefined
  }
  const options = call.repeat === undefined ? {} : { repeat: call.repeat }
  const { outputs, ...report } = await session.profile(tensors.inputs.inPlace, options)
  tensors.outputs.write(outputs)
  return report
}

async function open(path: string, threads: number | undefined): Promise<Opened> {
  const session = await ThreadSession.open(await readArtifact(path), threads === undefined ? {} : { threads })
  const { metadata } = session
  // Memory of no bytes cannot be mapped.
  const size = Math.max(1, SharedTensors.size(metadata.inputs) + SharedTensors.size(metadata.outputs))
  const { name, buffer } = native.sharedMemoryCreate(size)
  offered = name
  const before = served
  served = { session, tensors: sharedTensors(buffer, metadata) }
  await before?.session.dispose()
  return { metadata, threads: session.threads, memory: { name, size } }
}
