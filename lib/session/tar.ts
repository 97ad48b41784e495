import { TvmNodeError } from '../errors.js'

// The plain POSIX (ustar) form with fixed owner, mode and time, so that the same members are always the same bytes.
const BLOCK = 512

export interface TarMember {
  readonly name: string
  readonly data: Uint8Array
}

/** A whole archive without its end mark, as the pieces to write. Members may themselves come in pieces. */
export function tarPieces(members: Readonly<Record<string, readonly Uint8Array[]>>): Uint8Array[] {
  return Object.entries(members).flatMap(([name, data]) => {
    const size = sizeOf(data)
    return [header(name, size), ...data, new Uint8Array(padding(size))]
  })
}

/** Bytes of all pieces together. */
export function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, { byteLength }) => total + byteLength, 0)
}

export const tarEnd = new Uint8Array(2 * BLOCK)

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

function header(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  block.write(name, 0, 100, 'latin1')
  block.write(octal(0o644, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/**
 * The members of an archive that `tarPieces` wrote, as views of its bytes.
 *
 * @throws `ERR_ARTIFACT_DAMAGED` for anything else.
 */
export function readTar(bytes: Buffer): TarMember[] {
  const members: TarMember[] = []
  let at = 0
  while (at + BLOCK <= bytes.length && bytes[at] !== 0) {
    const end = bytes.indexOf(0, at)
    const name = bytes.toString('latin1', at, Math.min(end < 0 ? at + 100 : end, at + 100))
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8)
    const start = at + BLOCK
    if (!(size >= 0) || start + size > bytes.length)
      throw new TvmNodeError('ERR_ARTIFACT_DAMAGED', `member '${name}' is cut short`)
    members.push({ name, data: bytes.subarray(start, start + size) })
    at = start + size + padding(size)
  }
  return members
}
