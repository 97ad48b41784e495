import { TvmNodeError } from '../errors.js'

/** Bytes of a program by where they are: see the System V ABI, chapter 4. */
export interface ProgramSizes {
  readonly code: number
  readonly constants: number
  /** Variables with a value from the start, which is kept with the constants on boards. */
  readonly data: number
  readonly zeroed: number
}

const PROGBITS = 1
const NOBITS = 8
const WRITE = 1
const ALLOC = 2
const EXECUTE = 4

/** The sizes of a program's sections in memory. @throws `ERR_LINK` for what is no ELF file */
export function programSizes(image: Buffer): ProgramSizes {
  if (image.length < 64 || image.readUInt32BE(0) !== 0x7f454c46)
    throw new TvmNodeError('ERR_LINK', 'what the linker made is no program')
  const sizes = { code: 0, constants: 0, data: 0, zeroed: 0 }
  for (const { type, flags, size } of sections(image)) {
    if (!(flags & ALLOC)) continue
    if (type === NOBITS) sizes.zeroed += size
    else if (flags & EXECUTE) sizes.code += size
    else if (flags & WRITE) sizes.data += size
    else if (type === PROGBITS) sizes.constants += size
  }
  return sizes
}

function sections(image: Buffer): { type: number; flags: number; size: number }[] {
  const wide = image[4] === 2
  const word = (at: number) => (wide ? Number(image.readBigUInt64LE(at)) : image.readUInt32LE(at))
  const offset = word(wide ? 0x28 : 0x20)
  const [entry, count] = [image.readUInt16LE(wide ? 0x3a : 0x2e), image.readUInt16LE(wide ? 0x3c : 0x30)]
  return Array.from({ length: count }, (_, i) => {
    const at = offset + i * entry
    return {
      type: image.readUInt32LE(at + 4),
      flags: word(at + 8),
      size: word(at + (wide ? 32 : 20)),
    }
  })
}
