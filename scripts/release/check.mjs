// Does everything that is done before a release, and writes docs/release-check.md: what was checked, when, at what scale, and what came
// of it. A part that is run by itself keeps the other rows as they were.
//
// usage: npm run check:release -- [--quick] [--only NAME,NAME]
//   --quick  a fraction of the counts, in about half an hour
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { markdownTable } from '../steps/generated.mjs'
import { root } from '../steps/run.mjs'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
const { quick } = values
/** A count for a release, or for a quick look. */
const scale = (whole, fraction) => `${quick ? fraction : whole}`

/** Name, what it shows, and the script with its arguments. */
const checks = [
  ['interface', 'The report of the interface is up to date', 'docs:api-report', '--check'],
  ['packages', 'The three packages can be made', 'packages'],
  ['install', 'Installing with each client, and what works then', 'check:install', '--keep'],
  ['builds', 'The addon builds with node-gyp, cmake-js and prebuildify', 'check:builds'],
  ['node', 'Tests with Node 20.19, 22 and 24', 'check:node'],
  ['hygiene', 'Hosts that end in every way leave nothing', 'soak:hygiene', '--rounds', scale(500, 38)],
  ['sanitizers', 'Memory errors, undefined behaviour, leaks', 'test:sanitizers', 'address'],
  ['races', 'Data races', 'test:sanitizers', 'thread'],
  ['fuzz-files', 'Hostile files and arguments', 'test:fuzz-files', '--count', scale(1_000_000, 5000)],
  ['fuzz-onnx', 'Damaged models', 'test:fuzz-onnx', '--count', scale(10_000, 300)],
  ['fuzz-service', 'Wrong requests to the service', 'test:fuzz-service', '--requests', scale(100_000, 3000)],
  ['fuzz-rpc', 'Random bytes at tracker and server', 'test:fuzz-rpc'],
  ['fuzz-board', 'Random bytes at the board runtime', 'test:fuzz-board'],
  [
    'soak',
    'All work at once, with children killed',
    'soak',
    '--minutes',
    scale(60, 2),
    '--faults',
    scale(1000, 60),
    '--every',
    scale(60, 15),
  ],
]
const only = values.only ? values.only.split(',') : checks.map(([name]) => name)
for (const name of only)
  if (!checks.some(([known]) => known === name))
    throw new Error(`there is no check '${name}': ${checks.map(([known]) => known).join(', ')}`)

const kept = join(root, 'build/release/checks.json')
const results = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {}
for (const [name, , script, ...args] of checks) {
  if (!only.includes(name)) continue
  console.error(`\n== ${name}`)
  results[name] = await perform(script, args)
  mkdirSync(join(kept, '..'), { recursive: true })
  writeFileSync(kept, JSON.stringify(results, null, 2))
  writeReport()
}
process.exitCode = only.every((name) => results[name]?.ok) ? 0 : 1

async function perform(script, args) {
  const started = performance.now()
  const child = spawn('npm', ['run', '--silent', script, ...(args.length > 0 ? ['--', ...args] : [])], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-100_000)
      process.stderr.write(text)
    })
  const [status, signal] = await once(child, 'close')
  return {
    ok: status === 0,
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run', script, ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    seconds: Math.round((performance.now() - started) / 1000),
    machine: machine(),
    said: conclusion(said) || `ended with ${signal ?? status}`,
  }
}

/** The lines of a check that tell what came of it: its rows, or its last line. */
function conclusion(said) {
  const lines = stripVTControlCharacters(said)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)
  const rows = lines.filter((line) => /^(ok |NOT) {2}/.test(line))
  return rows.length > 0 ? rows.join('\n') : lines.slice(-6).join('\n')
}

function machine() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} x ${cpus()[0]?.model}, ${memory} GB, Node ${process.version}, commit ${commit}`
}

function writeReport() {
  const done = checks.filter(([name]) => results[name])
  const missing = checks.filter(([name]) => !results[name])
  const table = [
    ['Check', 'What it shows', 'Result', 'Date', 'Seconds', 'Command'],
    ...done.map(([name, what]) => {
      const { ok, date, seconds, command } = results[name]
      return [name, what, ok ? 'passed' : '**failed**', date, `${seconds}`, `\`${command}\``]
    }),
  ]
  const parts = done.map(
    ([name]) => `## ${name}\n\n${results[name].machine}\n\n\`\`\`text\n${results[name].said}\n\`\`\`\n`,
  )
  const text = [
    '# What was checked\n',
    '<!-- Written by `npm run check:release`; edits here are lost. -->\n',
    'Each row is the last time that the check ran, at the scale that its command tells. Times are those of the machine as it was then.\n',
    markdownTable(table),
    ...(missing.length > 0 ? [`Not run yet: ${missing.map(([name]) => name).join(', ')}.\n`] : []),
    ...parts,
  ]
  writeFileSync(join(root, 'docs/release-check.md'), text.join('\n'))
}
