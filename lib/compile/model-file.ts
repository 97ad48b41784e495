import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { TvmNodeError } from '../errors.js'
import { makePrivateFolder, removePrivateFolder, writePrivate } from '../private-folders.js'

/** The bytes of a model. @throws `ERR_MODEL_READ` */
export async function readModelFile(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: Error) => {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot read ${path}: ${cause.message}`, {
      cause,
      details: { path },
    })
  })
}

/** A digest of a model and what else matters, made in pieces so that the event loop gets its turns. */
export async function digestModel(bytes: Uint8Array, rest: string): Promise<string> {
  const PIECE = 1 << 20
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += PIECE) {
    hash.update(bytes.subarray(at, at + PIECE))
    await turn()
  }
  return hash.update(rest).digest('hex')
}

/** Calls `work` with the model as a file, which is removed again where there was none. */
export async function withModelFile<T>(
  model: string | Uint8Array,
  work: (path: string) => Promise<T>,
): Promise<T> {
  if (typeof model === 'string') return work(model)
  const folder = await makePrivateFolder()
  try {
    const path = join(folder, 'model.onnx')
    await writePrivate(path, model)
    return await work(path)
  } finally {
    await removePrivateFolder(folder)
  }
}
