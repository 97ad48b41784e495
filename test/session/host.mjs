// Loads an artifact in a process of its own, tells that process's number, and ends in the way it is told.
import { readdirSync, readFileSync } from 'node:fs'
import { load } from '#lib/index.js'

const [path, ending] = process.argv.slice(2)
await load(path, { isolation: 'process' })
const children = readdirSync('/proc/self/task').map((thread) =>
  readFileSync(`/proc/self/task/${thread}/children`, 'utf8'),
)
process.stdout.write(children.join(' ').trim(), () => {
  if (ending === 'throw') throw new Error('a fault of the host')
  if (ending === 'exit') process.exit(0)
  process.kill(process.pid, ending)
})
