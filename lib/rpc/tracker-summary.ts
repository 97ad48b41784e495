/** What a server told its tracker of itself. */
export interface ServerInfo {
  key?: string
  addr?: [host: string | null, port: number]
}

/** What a tracker says of its servers and of those who wait for them, as it is on the wire. */
export interface TrackerSummary {
  readonly queue_info: Readonly<Record<string, { readonly free: number; readonly pending: number }>>
  readonly server_info: readonly ServerInfo[]
}

/** Servers, free ones among them, and requests that wait, for one key. */
export interface QueueStatus {
  readonly key: string
  readonly total: number
  readonly free: number
  readonly pending: number
}

/** The keys of a summary in their order, with what is known of each. */
export function queueStatuses({ queue_info, server_info }: TrackerSummary): QueueStatus[] {
  const keys = new Set([...Object.keys(queue_info), ...server_info.map(serverKey)])
  return [...keys]
    .sort()
    .map((key) => {
      const { free = 0, pending = 0 } = Object.hasOwn(queue_info, key) ? (queue_info[key] ?? {}) : {}
      return { key, total: server_info.filter((info) => serverKey(info) === key).length, free, pending }
    })
    .filter(({ total, pending }) => total > 0 || pending > 0)
}

/** The key that clients ask for: what follows `server:`. */
export function serverKey({ key = '' }: ServerInfo): string {
  return key.slice(key.indexOf(':') + 1)
}
