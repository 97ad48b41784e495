import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'

/** Where an entry's data is in the archive. */
interface ZipEntry {
  readonly method: number
  readonly packedBytes: number
  readonly headerOffset: number
}

const END = 0x06054b50
const CENTRAL = 0x02014b50
const END_BYTES = 22
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30
const LONGEST_COMMENT = 0xffff
const STORED = 0
const DEFLATED = 8

/**
 * A reader of zip archives up to 4 GB that streams entries to disk (PKWARE APPNOTE 4.3). Node's own inflate does the
 * work: entries here reach 160 MB.
 */
export class ZipArchive {
  private constructor(
    private readonly file: FileHandle,
    private readonly entries: ReadonlyMap<string, ZipEntry>,
  ) {}

  static async open(path: string): Promise<ZipArchive> {
    const file = await open(path)
    try {
      return new ZipArchive(file, await readDirectory(file))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Writes the entry to `path`, which must not exist. Returns the SHA-256 of what was written, in hex. */
  async extract(name: string, path: string, mode: number): Promise<string> {
    const entry = this.entries.get(name)
    if (!entry) throw new Error(`the archive has no entry ${name}`)
    if (entry.method !== STORED && entry.method !== DEFLATED) {
      throw new Error(`${name} is packed by method ${entry.method}, which is not known`)
    }
    const header = await read(this.file, entry.headerOffset, LOCAL_BYTES)
    const start = entry.headerOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
    const source = this.file.createReadStream({
      start,
      end: start + entry.packedBytes - 1,
      autoClose: false,
      highWaterMark: 1 << 20,
    })
    const hash = createHash('sha256')
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk)
        done(null, chunk)
      },
    })
    const target = createWriteStream(path, { mode, flags: 'wx' })
    if (entry.method === STORED) await pipeline(source, hashing, target)
    else await pipeline(source, createInflateRaw({ chunkSize: 1 << 18 }), hashing, target)
    return hash.digest('hex')
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  if (bytesRead < length) throw new Error('the archive ends early')
  return buffer
}

async function readDirectory(file: FileHandle): Promise<Map<string, ZipEntry>> {
  const { size } = await file.stat()
  const tailBytes = Math.min(size, END_BYTES + LONGEST_COMMENT)
  const tail = await read(file, size - tailBytes, tailBytes)
  let end = tail.length - END_BYTES
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--
  if (end < 0) throw new Error('this is no zip archive, or its end is missing')
  const count = tail.readUInt16LE(end + 10)
  const directory = await read(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
  const entries = new Map<string, ZipEntry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    if (directory.readUInt32LE(at) !== CENTRAL) throw new Error('the directory of the archive is damaged')
    const nameBytes = directory.readUInt16LE(at + 28)
    const name = directory.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes)
    entries.set(name, {
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    })
    at += CENTRAL_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}
