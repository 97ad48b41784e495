// Feeds mutated bytes to the board runtime under ASan and UBSan, then tells which lines of it were reached, with those that
// `test/micro/runtime.test.ts` reaches. Needs clang with libFuzzer and LLVM's tools (Debian: clang, llvm, libclang-rt-dev).
//
// usage: npm run test:fuzz-board -- [--runs COUNT] [--seconds MOST] [--corpus FOLDER] [--least PERCENT of lines]
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildFuzzer, runFuzzer, sanitized } from './steps/fuzzer.mjs'
import { root } from './steps/run.mjs'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '120' },
    corpus: { type: 'string', default: join(root, 'build/fuzz-board/corpus') },
    least: { type: 'string', default: '90' },
  },
})
const folder = join(root, 'build/fuzz-board')
const profiles = join(folder, 'profiles')
rmSync(profiles, { recursive: true, force: true })
for (const each of [folder, values.corpus, profiles]) mkdirSync(each, { recursive: true })
const board = join(root, 'native/board')
const inFolder = (path, isWanted = () => true) =>
  readdirSync(path)
    .filter((name) => name.endsWith('.c') && isWanted(name))
    .map((name) => join(path, name))
const sources = [
  ...inFolder(join(board, 'fuzz')),
  ...inFolder(join(board, 'src'), (name) => name !== 'main.c'),
]
const include = [join(board, 'include'), join(board, 'src'), join(root, 'native/c-backend')]

const build = (output, flags) =>
  buildFuzzer(join(folder, output), { flags: ['-std=c99', ...flags], include, sources })
const fuzz = (program, args, env) => runFuzzer(program, args, { corpus: values.corpus, folder, env })

fuzz(build('fuzz', sanitized), [
  `-runs=${values.runs}`,
  `-max_total_time=${values.seconds}`,
  '-print_final_stats=1',
])

// What the corpus and the tests reach.
const covered = ['-fprofile-instr-generate', '-fcoverage-mapping']
const replay = build('replay', ['-fsanitize=fuzzer', ...covered])
fuzz(replay, ['-runs=0'], { LLVM_PROFILE_FILE: join(profiles, 'fuzz.profraw') })
const tested = join(folder, 'tested')
execFileSync('npx', ['vitest', 'run', 'test/micro/runtime.test.ts'], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    ...process.env,
    TVM_NODE_BOARD_COVERAGE: tested,
    LLVM_PROFILE_FILE: join(profiles, 'test-%p.profraw'),
  },
})
const merged = join(folder, 'merged.profdata')
const raw = readdirSync(profiles).map((name) => join(profiles, name))
execFileSync('llvm-profdata', ['merge', '-sparse', '-o', merged, ...raw])
const args = [
  replay,
  `-object=${tested}`,
  `-instr-profile=${merged}`,
  `-ignore-filename-regex=${join(board, 'fuzz')}|fixtures`,
]
process.stdout.write(execFileSync('llvm-cov', ['report', ...args]))
const summary = JSON.parse(execFileSync('llvm-cov', ['export', '-summary-only', ...args]))
const { percent, covered: lines, count } = summary.data[0].totals.lines
console.log(`lines of native/board reached: ${lines} of ${count}, ${percent.toFixed(1)} %`)
if (percent < Number(values.least)) process.exitCode = 1
