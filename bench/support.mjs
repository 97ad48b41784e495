// What the benchmarks share: arguments, model folders, tables, a busy neighbour.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatTable } from '#lib/cli/table.js'
import { packageVersion } from '#lib/version.js'

const fixtures = fileURLToPath(new URL('../test/fixtures/models', import.meta.url))

/** Options from the command line; `defaults` says what there is. `--json` always is. */
export function readArguments(defaults = {}) {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: String(value) }]),
  )
  const { values, positionals } = parseArgs({
    options: { ...options, json: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const numbers = Object.keys(defaults)
    .filter((name) => typeof defaults[name] === 'number')
    .map((name) => [name, Number(values[name])])
  return { ...values, ...Object.fromEntries(numbers), positionals }
}

/** Folders with `model.onnx`: those given, or below those given, or the networks that come with the tests. */
export function modelFolders(given) {
  const places = given.length > 0 ? given : [fixtures]
  return places
    .flatMap((place) => [
      place,
      ...readdirSync(place)
        .sort()
        .map((name) => join(place, name)),
    ])
    .filter((folder) => existsSync(join(folder, 'model.onnx')))
    .map((folder) => ({ name: basename(folder), folder, model: join(folder, 'model.onnx') }))
}

/** Prints rows of plain values: as a table, or as JSON an object a line. */
export function report(rows, { json }) {
  if (json) {
    for (const row of rows) console.log(JSON.stringify(row))
    return
  }
  const titles = Object.keys(rows[0] ?? {})
  const text = (value) => (value === undefined || value === null ? '' : String(value))
  const columns = titles.map((title) => ({
    title: title.replaceAll('_', ' '),
    value: (row) => text(row[title]),
    align: typeof rows[0][title] === 'number' ? 'right' : 'left',
  }))
  console.log(formatTable(rows, columns))
}

/** A value with this many digits that count. */
export const digits = (value, count = 3) => Number(value.toPrecision(count))

/** Tells where the figures come from. */
export function describeMachine() {
  return `tvm-node ${packageVersion}, Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model}`
}

/** Does `work` while a process of one thread counts. */
export async function besideNeighbour(work) {
  const neighbour = spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    await once(neighbour.stdout, 'data')
    return await work()
  } finally {
    neighbour.kill('SIGKILL')
    await once(neighbour, 'close')
  }
}
