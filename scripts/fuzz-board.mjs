// Feeds mutated bytes to the board runtime under ASan and UBSan. Needs clang with libFuzzer (Debian: clang, libclang-rt-dev).
//
// usage: npm run test:fuzz-board -- [--runs COUNT] [--seconds MOST] [--corpus FOLDER]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './steps/run.mjs'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '120' },
    corpus: { type: 'string', default: join(root, 'build/fuzz-board/corpus') },
  },
})
const folder = join(root, 'build/fuzz-board')
mkdirSync(values.corpus, { recursive: true })
mkdirSync(folder, { recursive: true })
const board = join(root, 'native/board')
const sources = readdirSync(join(board, 'src')).filter((name) => name.endsWith('.c') && name !== 'main.c')
const include = [join(board, 'include'), join(board, 'src'), join(root, 'native/c-backend')]
execFileSync('clang', [
  ...['-std=c99', '-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined'],
  ...include.flatMap((path) => ['-I', path]),
  ...['-o', join(folder, 'fuzz'), join(board, 'fuzz/fuzz.c'), join(root, 'test/fixtures/micro/doubling.c')],
  ...sources.map((name) => join(board, 'src', name)),
])
const limits = [`-runs=${values.runs}`, `-max_total_time=${values.seconds}`, '-timeout=5', '-max_len=4096']
const { status } = spawnSync(join(folder, 'fuzz'), [...limits, values.corpus], {
  cwd: folder,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
