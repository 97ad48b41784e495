// Numbers of TVM's wire protocols (TVM v0.18, python/tvm/rpc/base.py, src/runtime/rpc/rpc_endpoint.h). All integers on the
// wire are little-endian.

/** First word of a connection with a tracker, both ways. */
export const TRACKER_MAGIC = 0x2f271
/** First word of a connection with a server; its answers are this one, or one or two more. */
export const SERVER_MAGIC = 0xff271
export const SERVER_DUPLICATE = SERVER_MAGIC + 1
export const SERVER_MISMATCH = SERVER_MAGIC + 2

/** First elements of a tracker's requests, and the replies `FAIL` and `SUCCESS`. */
export const TrackerCode = {
  FAIL: -1,
  SUCCESS: 0,
  PING: 1,
  STOP: 2,
  PUT: 3,
  REQUEST: 4,
  UPDATE_INFO: 5,
  SUMMARY: 6,
  GET_PENDING_MATCHKEYS: 7,
} as const

/** Seconds without an answer after which a peer counts as dead. */
export const DEAD_AFTER_S = 20

/** Longest key that is taken from a peer, in bytes. */
export const LONGEST_KEY = 4096
/** Longest request that a tracker takes, and longest reply that is taken from one, in bytes. */
export const LONGEST_REQUEST = 1 << 16
export const LONGEST_MESSAGE = 1 << 20
/** Milliseconds for the rest of a message whose first byte has come. */
export const MESSAGE_PATIENCE = 10_000

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

/** A text with its length before it. */
export function textFrame(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([word(bytes.length), bytes])
}

/** A message of the tracker's protocol; ASCII only, since the original counts characters rather than bytes. */
export function messageFrame(message: unknown): Buffer {
  const ascii = JSON.stringify(message).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return textFrame(ascii)
}

const RPC_EXCEPTION = 5
const RPC_STRING = 11

/** A packet by which a server tells a client of an error at any time. */
export function exceptionPacket(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  const body = Buffer.concat([word(RPC_EXCEPTION), word(1), word(RPC_STRING), length, bytes])
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(body.length))
  return Buffer.concat([size, body])
}

/** What the text of the exception for a session that took too long begins with. */
export const EXPIRED = 'RPCSessionTimeoutError: '

/** A key for one session, as a tracker grants it: the server's key, a colon, and what nobody can guess. */
export function matchKey(key: string, random: string): string {
  return `${key}:${random}`
}

/** The server's key within a match key; it may have colons itself. */
export function keyOf(matchKey: string): string {
  return matchKey.slice(0, Math.max(0, matchKey.lastIndexOf(':')))
}
