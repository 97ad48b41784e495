import { readFileSync } from 'node:fs'
import { TvmNodeError } from '../../errors.js'

/** The contents of a file of a model. @throws `ERR_MODEL_READ` */
export function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}
