import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'

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
  const folder = await mkdtemp(join(tmpdir(), 'tvm-node-'))
  try {
    const path = join(folder, 'model.onnx')
    await writeFile(path, model)
    return await work(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
