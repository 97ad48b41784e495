import type { Socket } from 'node:net'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'

// Node hands a socket to another process but keeps its descriptor to itself; this is the one place that reaches behind.
interface Handle {
  readonly fd: number
  readStop(): void
}

function handleOf(socket: Socket): Handle {
  const { _handle: handle } = socket as unknown as { _handle: Handle | null }
  if (handle && handle.fd >= 0) return handle
  throw new TvmNodeError('ERR_CONNECTION', 'the connection was closed')
}

/** Leaves all further bytes to another process that has the socket too. @throws `ERR_CONNECTION` when it is closed */
export function stopReading(socket: Socket): void {
  handleOf(socket).readStop()
}

/** Makes writing not wait again, after another process that has the socket too had it wait. @throws as `stopReading` */
export function takeBack(socket: Socket): void {
  native.socketBlocking(handleOf(socket).fd, false)
}

/** Whether the peer is gone, also when nobody reads the socket here. */
export function isHungUp(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { _handle: Handle | null }
  return !handle || handle.fd < 0 || native.socketHungUp(handle.fd)
}

/** A descriptor whose reads and writes wait, for code that is not Node's; Node's socket is closed. @throws as `stopReading` */
export function takeDescriptor(socket: Socket): number {
  const descriptor = native.socketDuplicate(handleOf(socket).fd)
  socket.destroy()
  native.socketBlocking(descriptor, true)
  return descriptor
}
