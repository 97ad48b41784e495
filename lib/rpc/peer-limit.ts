import type { Socket } from 'node:net'

/** Counts the connections of each address, so that none takes all of a service's. */
export class PeerLimit {
  private readonly counts = new Map<string, number>()

  constructor(private readonly most: number) {}

  /** Whether an address may have one more; if so it counts until it is closed. */
  admits(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    const count = this.counts.get(address) ?? 0
    if (count >= this.most) return false
    this.counts.set(address, count + 1)
    socket.once('close', () => {
      const left = (this.counts.get(address) ?? 1) - 1
      if (left > 0) this.counts.set(address, left)
      else this.counts.delete(address)
    })
    return true
  }
}
