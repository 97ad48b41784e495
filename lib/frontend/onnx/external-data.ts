import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { TvmNodeError } from '../../errors.js'
import type { ReadExternal } from './tensor-proto.js'

/**
 * Reads tensors that a model keeps in other files (ONNX, docs/ExternalData.md). Only files inside the model's folder are read.
 *
 * @param folder - Undefined for a model given as bytes, which has no folder.
 * @param onFile - Hears the location of each file read, relative to the folder.
 */
export function externalReader(
  folder: string | undefined,
  onFile: (location: string) => void = () => {},
): ReadExternal {
  return (entries, tensorName) => {
    const location = entries.get('location') ?? ''
    const fail = (why: string, cause?: unknown): never => {
      const message = `the data of tensor '${tensorName}' in '${location}' ${why}`
      throw new TvmNodeError('ERR_EXTERNAL_DATA', message, {
        cause,
        details: { tensor: tensorName, location },
      })
    }
    if (folder === undefined) return fail('cannot be found: the model was given as bytes, give its path')
    const path = resolveInside(folder, location, fail)
    onFile(location)
    const offset = Number(entries.get('offset') ?? 0)
    if (!Number.isSafeInteger(offset) || offset < 0) return fail(`has offset '${entries.get('offset')}'`)
    const file = openSync(path, 'r')
    try {
      const { size } = fstatSync(file)
      const length = entries.has('length') ? Number(entries.get('length')) : size - offset
      if (!Number.isSafeInteger(length) || length < 0) return fail(`has length '${entries.get('length')}'`)
      if (offset + length > size)
        return fail(`should end at byte ${offset + length}, but the file has ${size}`)
      return readRange(file, offset, length) ?? fail('ended while it was read')
    } finally {
      closeSync(file)
    }
  }
}

function resolveInside(
  folder: string,
  location: string,
  fail: (why: string, cause?: unknown) => never,
): string {
  if (location === '' || isAbsolute(location)) return fail('must be a path relative to the model')
  const root = realpathSync(folder)
  let path: string
  try {
    path = realpathSync(join(root, location))
  } catch (cause) {
    return fail('is missing', cause)
  }
  const inside = relative(root, path)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    return fail("lies outside the model's folder")
  return path
}

function readRange(file: number, offset: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const count = readSync(file, bytes, at, Math.min(length - at, 2 ** 30), offset + at)
    if (count === 0) return undefined
    at += count
  }
  return bytes
}
