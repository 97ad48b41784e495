// Does everything that is done before a release, and writes docs/release-check.md: what was checked, when, at what scale, and what came
// of it. A check that is run by itself keeps the rows of the others, which are in docs/release-check.json.
//
// usage: npm run check:release -- [--quick] [--only NAME,NAME]
//   --quick  a fraction of the counts, in about half an hour
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { markdownTable } from '../steps/generated.mjs'
import { root } from '../steps/run.mjs'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})

/** What reads files of strangers, as scripts/fuzz-files.mjs names it. */
const readers = {
  artifact: 'artifacts',
  npz: 'archives of tensors',
  records: 'tuning records',
  config: 'configurations (YAML) with their overrides',
  metadata: "automate's metadata (YAML)",
  arguments: 'arguments of the command line',
}

/**
 * `run` is the script with its fixed arguments; `scale` its counts, each for a release and for a quick look; `seed` what its random
 * numbers follow from.
 */
const checks = {
  interface: { shows: 'The report of the interface is up to date', run: ['docs:api-report', '--check'] },
  tests: { shows: 'The whole suite', run: ['test'] },
  packages: { shows: 'The three packages can be made', run: ['packages'] },
  install: { shows: 'Installing with each client, and what works then', run: ['check:install', '--keep'] },
  builds: { shows: 'The addon builds with node-gyp, cmake-js and prebuildify', run: ['check:builds'] },
  node: { shows: 'Tests with Node 20.19, 22 and 24', run: ['check:node'] },
  hygiene: {
    shows: 'Hosts that end in every way leave nothing',
    run: ['soak:hygiene'],
    scale: { rounds: [500, 38] },
    seed: 1,
  },
  sanitizers: { shows: 'Memory errors, undefined behaviour, leaks', run: ['test:sanitizers', 'address'] },
  races: { shows: 'Data races', run: ['test:sanitizers', 'thread'] },
  ...Object.fromEntries(
    Object.entries(readers).map(([target, what]) => [
      `fuzz-${target}`,
      {
        shows: `Damaged and hostile ${what}`,
        run: ['test:fuzz-files', target],
        scale: { count: [1_000_000, 5000] },
        seed: 1,
      },
    ]),
  ),
  'fuzz-onnx': {
    shows: 'Damaged models',
    run: ['test:fuzz-onnx'],
    scale: { count: [10_000, 300] },
    seed: 1,
  },
  'fuzz-service': {
    shows: 'Wrong requests to the service',
    run: ['test:fuzz-service'],
    scale: { requests: [100_000, 3000] },
    seed: 1,
  },
  'fuzz-rpc': {
    shows: 'Random bytes at tracker and server',
    run: ['test:fuzz-rpc'],
    scale: { frames: [1_000_000, 20_000] },
    seed: 1,
  },
  'fuzz-board': {
    shows: 'Random bytes at the board runtime, with sanitizers',
    run: ['test:fuzz-board'],
    scale: { runs: [1_000_000, 50_000] },
  },
  'fuzz-agent': {
    shows: "Damaged graphs at the executor of boards' agents, with sanitizers",
    run: ['test:fuzz-agent'],
    scale: { runs: [1_000_000, 50_000] },
  },
  soak: {
    shows: 'All work at once, with children killed',
    run: ['soak'],
    scale: { minutes: [60, 2], faults: [1000, 60], every: [60, 15] },
    seed: 1,
  },
}
const only = values.only ? values.only.split(',') : Object.keys(checks)
for (const name of only)
  if (!(name in checks)) throw new Error(`there is no check '${name}': ${Object.keys(checks).join(', ')}`)

const kept = join(root, 'docs/release-check.json')
for (const name of Object.keys(checks).filter((each) => only.includes(each))) {
  console.error(`\n== ${name}`)
  const result = await perform(checks[name])
  if (!result.ok) process.exitCode = 1
  // Others may have run meanwhile.
  const results = { ...(existsSync(kept) && JSON.parse(readFileSync(kept, 'utf8'))), [name]: result }
  writeFileSync(kept, `${JSON.stringify(results, null, 2)}\n`)
  writeReport(results)
}

async function perform({ run: [script, ...fixed], scale = {}, seed }) {
  const counts = Object.entries(scale).map(([name, [whole, fraction]]) => [
    name,
    values.quick ? fraction : whole,
  ])
  const options = [...counts, ...(seed === undefined ? [] : [['seed', seed]])]
  const args = [...fixed, ...options.flatMap(([name, value]) => [`--${name}`, `${value}`])]
  const command = ['run', script, ...(args.length > 0 ? ['--', ...args] : [])]
  // What is checked is what is there now.
  const place = machine()
  const started = performance.now()
  const child = spawn('npm', ['--silent', ...command], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-100_000)
      process.stderr.write(text)
    })
  const [status, signal] = await once(child, 'close')
  const { rows, conclusion } = read(said)
  return {
    ok: status === 0,
    date: new Date().toISOString().slice(0, 10),
    command: ['npm', ...command].join(' '),
    ...(seed !== undefined && { seed }),
    count: countOf(counts, rows, conclusion),
    seconds: Math.round((performance.now() - started) / 1000),
    machine: place,
    said: conclusion || `ended with ${signal ?? status}`,
  }
}

/** What a check says of each of its parts, and those lines or its last ones as what came of it. */
function read(said) {
  const lines = stripVTControlCharacters(said)
    .replaceAll(root, '.')
    .split('\n')
    .map((line) => line.trimEnd())
    // Where make is says nothing of what it made.
    .filter((line) => line !== '' && !line.startsWith('make: '))
  const rows = lines.filter((line) => /^(ok |NOT) {2}/.test(line))
  return { rows, conclusion: (rows.length > 0 ? rows : lines.slice(-6)).join('\n') }
}

/** How much was done: as asked for, or as the check tells. */
function countOf(counts, rows, conclusion) {
  const amounts = counts.filter(([name]) => name !== 'every')
  if (amounts.length > 0)
    return amounts.map(([name, value]) => `${value} ${name === 'count' ? 'inputs' : name}`).join(', ')
  if (rows.length > 0) return `${rows.length} parts`
  const tests = /Tests .*?(\d+) passed/.exec(conclusion)?.[1]
  return tests ? `${tests} tests` : ''
}

function machine() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} x ${cpus()[0]?.model}, ${memory} GB, Node ${process.version}, commit ${commit}`
}

function writeReport(results) {
  const done = Object.entries(checks).filter(([name]) => results[name])
  const missing = Object.keys(checks).filter((name) => !results[name])
  const table = [
    ['Check', 'What it shows', 'Result', 'Count', 'Seed', 'Seconds', 'Date', 'Command'],
    ...done.map(([name, { shows }]) => {
      const { ok, date, count, seed = '', seconds, command } = results[name]
      return [
        name,
        shows,
        ok ? 'passed' : '**failed**',
        count,
        `${seed}`,
        `${seconds}`,
        date,
        `\`${command}\``,
      ]
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
    ...(missing.length > 0 ? [`Not run yet: ${missing.join(', ')}.\n`] : []),
    ...parts,
  ]
  writeFileSync(join(root, 'docs/release-check.md'), text.join('\n'))
}
