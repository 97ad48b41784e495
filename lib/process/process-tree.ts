import { readdirSync, readFileSync } from 'node:fs'

/** Ends a process of this user and all that it started, such as a compiler, at once. */
export function killTree(pid: number): void {
  // Children lose their parent when it ends, so they are looked for first.
  for (const each of [...tree(pid)]) {
    try {
      process.kill(each, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
}

/**
 * Bytes of memory that a process and all that it started have to themselves: what is in no file, in memory or swapped out; 0 for one
 * that has ended.
 */
export function memoryOfTree(pid: number): number {
  let kilobytes = 0
  for (const each of tree(pid)) {
    try {
      const status = readFileSync(`/proc/${each}/status`, 'utf8')
      for (const [, amount] of status.matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s+(\d+)/gm))
        kilobytes += Number(amount)
    } catch {
      // It ended meanwhile.
    }
  }
  return kilobytes * 1024
}

function* tree(pid: number): Generator<number> {
  yield pid
  for (const child of children(pid)) yield* tree(child)
}

function children(pid: number): number[] {
  return threads(pid).flatMap((thread) => {
    try {
      const list = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      return list.split(' ').filter(Boolean).map(Number)
    } catch {
      return [] // The thread ended meanwhile; its process has given its children to another one.
    }
  })
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}
