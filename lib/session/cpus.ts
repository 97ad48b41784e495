import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Numbers of the processors that this process may run on. */
export function allowedCpus(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    const cpus = list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
    if (cpus.length > 0) return cpus
  } catch {
    // No such file: every processor that Node counts.
  }
  return Array.from({ length: availableParallelism() }, (_, i) => i)
}
