import { createHash } from 'node:crypto'
import { createReadStream, type Stats, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type BundleFile, bundleFiles } from './artifacts.js'

/** Written last into a complete bundle: each file's modification time when its sum was found right. */
export const MARKER = 'complete.json'

type Marker = Readonly<Record<string, number>>

/** SHA-256 of a file, in hex. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/** What is wrong with the bundle in `dir` as far as names and sizes tell, or undefined. Costs a `stat` for each file. */
export function findFault(dir: string): string | undefined {
  if (!stat(join(dir, MARKER))) return `${dir} is not a complete bundle`
  return sizeFault(dir)
}

/**
 * What is wrong with the bundle in `dir`, or undefined. Sums are taken of files whose modification time is not the
 * marker's; files found right are noted in the marker.
 *
 * @param everything - Takes the sums of all files.
 */
export async function verifyBundle(dir: string, everything: boolean): Promise<string | undefined> {
  const fault = sizeFault(dir)
  if (fault) return fault
  const marker = await readMarker(dir)
  const doubtful = bundleFiles.filter((file) => everything || marker[file.name] !== modified(dir, file))
  for (const file of doubtful) {
    const path = join(dir, file.name)
    if ((await sha256(path)) !== file.sha256) return `${path} is damaged`
  }
  if (doubtful.length > 0) await writeMarker(dir)
  return undefined
}

/** Declares the files in `dir` right. */
export async function writeMarker(dir: string): Promise<void> {
  const marker: Marker = Object.fromEntries(bundleFiles.map((file) => [file.name, modified(dir, file)]))
  await writeFile(join(dir, MARKER), `${JSON.stringify(marker, null, 2)}\n`)
}

function sizeFault(dir: string): string | undefined {
  for (const file of bundleFiles) {
    const path = join(dir, file.name)
    const size = stat(path)?.size
    if (size === undefined) return `${path} is missing`
    if (size !== file.bytes) return `${path} has ${size} bytes instead of ${file.bytes}`
  }
  return undefined
}

async function readMarker(dir: string): Promise<Marker> {
  try {
    return JSON.parse(await readFile(join(dir, MARKER), 'utf8')) as Marker
  } catch {
    return {}
  }
}

function modified(dir: string, file: BundleFile): number {
  return statSync(join(dir, file.name)).mtimeMs
}

function stat(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}
