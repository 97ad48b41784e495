import { lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { TvmNodeError } from '../errors.js'

/**
 * Listens on a Unix socket that only this user can open. One that a process left behind is replaced.
 *
 * @throws `ERR_LISTEN`
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  try {
    await removeLeftBehind(path)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // From its first moment on.
      const before = process.umask(0o177)
      try {
        server.listen({ path }, () => {
          server.off('error', reject)
          resolve()
        })
      } finally {
        process.umask(before)
      }
    })
  } catch (cause) {
    throw new TvmNodeError('ERR_LISTEN', `cannot listen on ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}

async function removeLeftBehind(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSocket() || (await answers(path))) return
  await unlink(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
