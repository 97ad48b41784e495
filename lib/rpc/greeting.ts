import type { Socket } from 'node:net'
import { TvmNodeError } from '../errors.js'
import { ByteReader } from './byte-reader.js'
import { LONGEST_KEY, SERVER_MAGIC } from './protocol.js'

/** Milliseconds within which a new connection presents its key. */
const GREETING = 10_000

/** The words of a client's key; it gets no answer yet. @throws `ERR_PROTOCOL`, `ERR_CONNECTION` */
export async function readGreeting(socket: Socket, peer: string): Promise<string[]> {
  const reader = new ByteReader(socket, peer)
  const late = setTimeout(() => socket.destroy(), GREETING)
  try {
    if ((await reader.word()) !== SERVER_MAGIC)
      throw new TvmNodeError('ERR_PROTOCOL', 'it is no client of TVM')
    const text = await reader.text(LONGEST_KEY)
    reader.release()
    return text.split(/\s+/)
  } finally {
    clearTimeout(late)
  }
}
