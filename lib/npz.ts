import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { isTvmNodeError, TvmNodeError } from './errors.js'
import { writeWhole } from './files.js'
import { decodeNpy, encodeNpy } from './npy.js'
import { type DType, isDType, type Tensor, tensor, tensorBytes, tensorFromBytes } from './tensor.js'

const require = createRequire(import.meta.url)
/** The library for archives, from when it is first needed: hosts that only run artifacts start sooner without it. */
const archives = (): typeof import('fflate') => require('fflate')

/**
 * Element types that NumPy has no spelling for. Such a tensor is an entry of its bytes, and an entry `<name>.dtype` with the
 * text `dtype[d0,d1,...]`.
 */
const foreign = new Set<DType>([
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'int4',
  'uint4',
])
const SUFFIX = '.dtype'
/** What deflate makes of a byte at most (RFC 1951, section 3.2.5: 258 bytes of 2 bits), and bytes for its frame. */
const [MOST_DEFLATED, SLACK] = [1032, 64]
/** Bytes of all entries of a file: what a small file may grow to. */
const MOST_BYTES = 2 ** 32

/**
 * Reads the bytes of an `.npz` file: one tensor an entry.
 *
 * @throws `ERR_NPZ` when the bytes are not a whole `.npz` file or hold an element type that tensors have not.
 */
export function decodeNpz(bytes: Uint8Array): Record<string, Tensor> {
  const entries = new Map<string, Tensor>()
  for (const [file, content] of Object.entries(unzip(bytes))) {
    const name = file.endsWith('.npy') ? file.slice(0, -4) : file
    entries.set(name, decodeNpy(content, name))
  }
  const result: Record<string, Tensor> = {}
  for (const [name, value] of entries) {
    const type = entries.get(name + SUFFIX)
    if (type) result[name] = restore(name, value, type)
    else if (!(name.endsWith(SUFFIX) && entries.has(name.slice(0, -SUFFIX.length)))) result[name] = value
  }
  return result
}

/** The bytes of an `.npz` file with these tensors, which NumPy reads. Entries are not compressed. */
export function encodeNpz(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const files: Record<string, Uint8Array> = {}
  for (const [name, value] of Object.entries(tensors)) {
    const bytes = foreign.has(value.dtype) ? tensorBytes(value) : undefined
    files[`${name}.npy`] = encodeNpy(bytes ? tensor(bytes) : value)
    if (bytes) files[`${name}${SUFFIX}.npy`] = encodeNpy(tensor([`${value.dtype}[${value.shape}]`], []))
  }
  return archives().zipSync(files, { level: 0 })
}

/** Reads an `.npz` file; throws `ERR_NPZ`, also when there is no such file. */
export async function readNpz(path: string): Promise<Record<string, Tensor>> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new TvmNodeError('ERR_NPZ', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  })
  try {
    return decodeNpz(bytes)
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_NPZ')) throw error
    throw new TvmNodeError('ERR_NPZ', `${path}: ${error.message}`, { cause: error, details: { path } })
  }
}

/** Writes an `.npz` file, whole or not at all. @throws `ERR_WRITE_FAILED`, `ERR_NPZ` */
export async function writeNpz(path: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  await writeWhole(path, [encodeNpz(tensors)])
}

function unzip(bytes: Uint8Array): Record<string, Uint8Array> {
  let total = 0
  try {
    return archives().unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        total += originalSize
        if (originalSize > size * (compression === 0 ? 1 : MOST_DEFLATED) + SLACK || total > MOST_BYTES)
          throw new Error(`entry '${name}' claims ${originalSize} bytes, ${total} with those before it`)
        return true
      },
    })
  } catch (cause) {
    throw new TvmNodeError('ERR_NPZ', `not an .npz file: ${(cause as Error).message}`, { cause })
  }
}

function restore(name: string, value: Tensor, type: Tensor): Tensor {
  const [, dtype = '', dims] = /^(\w+)(?:\[([\d,]*)\])?$/.exec(String(type.data[0])) ?? []
  const bytes = tensorBytes(value)
  if (!bytes || !isDType(dtype) || dtype === 'string') {
    throw new TvmNodeError('ERR_NPZ', `entry '${name}${SUFFIX}' names no element type: '${type.data[0]}'`, {
      details: { name },
    })
  }
  const shape = dims === undefined ? value.shape : dims.split(',').filter(Boolean).map(Number)
  try {
    return tensorFromBytes(dtype, shape, bytes)
  } catch (cause) {
    throw new TvmNodeError('ERR_NPZ', `entry '${name}': ${(cause as Error).message}`, {
      cause,
      details: { name },
    })
  }
}
