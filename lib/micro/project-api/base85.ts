/** Python's alphabet (RFC 1924): bytes as text, five characters to four bytes, the first byte the highest. */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]))
const BASE = 85

export function encodeBase85(bytes: Uint8Array): string {
  const padding = (4 - (bytes.length % 4)) % 4
  const padded = Buffer.concat([bytes, Buffer.alloc(padding)])
  let text = ''
  for (let at = 0; at < padded.length; at += 4) {
    let number = padded.readUInt32BE(at)
    const group: string[] = []
    for (let i = 0; i < 5; i++) {
      group.unshift(ALPHABET[number % BASE] as string)
      number = Math.floor(number / BASE)
    }
    text += group.join('')
  }
  return text.slice(0, text.length - padding)
}

/** Undefined for a text that is none. */
export function decodeBase85(text: string): Buffer | undefined {
  const padding = (5 - (text.length % 5)) % 5
  const padded = text + '~'.repeat(padding)
  const bytes = Buffer.alloc((padded.length / 5) * 4)
  for (let at = 0; at < padded.length; at += 5) {
    let number = 0
    for (const character of padded.slice(at, at + 5)) {
      const value = VALUES.get(character)
      if (value === undefined) return undefined
      number = number * BASE + value
    }
    if (number > 0xffffffff) return undefined
    bytes.writeUInt32BE(number, (at / 5) * 4)
  }
  return bytes.subarray(0, bytes.length - padding)
}
