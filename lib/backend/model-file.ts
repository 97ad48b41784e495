import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import { makePrivateFolder, removePrivateFolder, writePrivate } from '../files.js'

/** The bytes of a model. @throws `ERR_MODEL_READ` */
export async function readModelFile(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: Error) => {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot read ${path}: ${cause.message}`, {
      cause,
      details: { path },
    })
  })
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
