// Builds the agent for boards with Linux (native/agent) for each type of processor whose compiler is installed, into agents/.
// Needs Debian's gcc, gcc-aarch64-linux-gnu and gcc-arm-linux-gnueabihf.
//
// usage: npm run build:agents [-- MACHINE...]     (MACHINE: x86_64, aarch64 or armv7l, as `uname -m` has them)
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps/run.mjs'

const machines = {
  x86_64: { compiler: 'x86_64-linux-gnu-gcc', flags: [] },
  // What is called for atomic operations elsewhere is not on every board.
  aarch64: { compiler: 'aarch64-linux-gnu-gcc', flags: ['-mno-outline-atomics'] },
  armv7l: { compiler: 'arm-linux-gnueabihf-gcc', flags: ['-march=armv7-a+fp'] },
}
/** Parts of the board runtime; the rest is for boards without an operating system. */
const shared = ['arena', 'call', 'evaluator', 'random_fill', 'rpc', 'wire']
const MOST_BYTES = 200 << 10

const board = join(root, 'native/board')
const agent = join(root, 'native/agent')
const output = join(root, 'agents')
const sources = [
  ...shared.map((name) => join(board, 'src', `${name}.c`)),
  ...readdirSync(agent)
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(agent, name)),
]
const sizes = [
  '_FILE_OFFSET_BITS=64',
  'BOARD_MAX_ARGS=512',
  'BOARD_MAX_DIMS=4096',
  'BOARD_EVALUATORS=64',
  'ARENA_ALIGNMENT=64U',
]
const include = [join(board, 'include'), join(board, 'src'), join(root, 'native/c-backend')]
const strict = ['-std=c11', '-Os', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden']

function has(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const chosen = process.argv.slice(2)
mkdirSync(output, { recursive: true })
let failed = false
for (const [machine, { compiler, flags }] of Object.entries(machines)) {
  if (chosen.length > 0 && !chosen.includes(machine)) continue
  if (!has(compiler)) {
    console.error(`${machine}: ${compiler} is not installed`)
    failed ||= chosen.length > 0
    continue
  }
  const path = join(output, `tvm-agent-${machine}`)
  const defines = sizes.map((size) => `-D${size}`)
  const paths = include.flatMap((folder) => ['-I', folder])
  // The functions of the mathematical library are for the networks.
  const link = ['-s', '-rdynamic', '-pthread', '-Wl,--no-as-needed', '-ldl', '-lm']
  execFileSync(compiler, [...strict, ...flags, ...defines, ...paths, '-o', path, ...sources, ...link], {
    stdio: 'inherit',
  })
  const { size } = statSync(path)
  console.log(`${path}: ${size} bytes`)
  if (size > MOST_BYTES) {
    console.error(`${machine}: larger than ${MOST_BYTES} bytes`)
    failed = true
  }
}
process.exit(failed ? 1 : 0)
