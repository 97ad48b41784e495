import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'

/** What a network is called and known by: the name of its file, and the SHA-256 of the model. */
export interface ModelIdentity {
  readonly name: string
  readonly modelHash: string
}

export async function identifyModel(path: string): Promise<ModelIdentity> {
  const modelHash = createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
  return { name: basename(path, '.onnx'), modelHash }
}
