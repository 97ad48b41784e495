import { once } from 'node:events'
import { connect } from 'node:net'
import type { Address } from './address.js'

/** Milliseconds for a machine to accept a connection. */
const PROMPT = 3000

/** Whether something listens there: the system of a machine answers also while its programs are busy. */
export async function isReachable(address: Address): Promise<boolean> {
  const socket = connect({ ...address, timeout: PROMPT })
  socket.once('timeout', () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
