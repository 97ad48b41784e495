// Runs the tests of the addon against a build of it under sanitizers: `address` (memory errors, undefined behaviour,
// leaks; the default) or `thread` (data races). Further arguments are test files for vitest. Needs g++ with its
// sanitizer libraries. The build and what it is tested with are a tree of their own in build/.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { root, runScript } from './steps/run.mjs'

const suppressions = (name) => join(root, 'test/sanitizers', name)
const kinds = {
  address: {
    flags: '-fsanitize=address,undefined -fno-sanitize-recover=undefined',
    libraries: ['libasan.so', 'libubsan.so'],
    // Node itself leaves much behind when it ends: leaks fail nothing by themselves, but are looked through below.
    env: (log) => ({
      ASAN_OPTIONS: `detect_leaks=1:allocator_may_return_null=1:log_path=${log}`,
      LSAN_OPTIONS: `exitcode=0:print_suppressions=0:suppressions=${suppressions('leaks.txt')}`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${log}`,
    }),
  },
  thread: {
    flags: '-fsanitize=thread',
    libraries: ['libtsan.so'],
    env: (log) => ({
      TSAN_OPTIONS: `exitcode=0:allocator_may_return_null=1:log_path=${log}:suppressions=${suppressions('races.txt')}`,
    }),
  },
}
const [kind = 'address', ...filters] = process.argv.slice(2)
if (!(kind in kinds)) {
  console.error(`unknown sanitizer '${kind}': ${Object.keys(kinds).join(' or ')}`)
  process.exit(1)
}
const { flags, libraries, env } = kinds[kind]
const tree = join(root, 'build', kind)

await bootstrap()
mkdirSync(tree, { recursive: true })
runScript('node_modules/cmake-js/bin/cmake-js', [
  ...['build', '-O', join(tree, 'build'), '--parallel', '2', '--log-level', 'warn'],
  // Not CMAKE_CXX_FLAGS: cmake-js sets those itself.
  `--CDCMAKE_CXX_FLAGS_RELEASE=${flags} -fno-omit-frame-pointer -g -O1`,
  // Node exports templates of the standard library, such as those that count references: its copies, which no sanitizer
  // can see into, would serve the addon too.
  '--CDCMAKE_SHARED_LINKER_FLAGS=-Wl,-Bsymbolic',
])
const addon = readFileSync(join(tree, 'build/Release/tvm_node.node'))
if (!addon.includes(kind === 'thread' ? '__tsan_' : '__asan_'))
  throw new Error('the addon was built without its sanitizer')
for (const name of ['dist', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
  rmSync(join(tree, name), { recursive: true, force: true })
  cpSync(join(root, name), join(tree, name), { recursive: true })
}
if (!existsSync(join(tree, 'node_modules')))
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))

const preload = libraries.map((name) =>
  execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
)
const reports = join(tree, 'reports')
rmSync(reports, { recursive: true, force: true })
mkdirSync(reports)
const tests = filters.length > 0 ? filters : ['test/native', 'test/leak/handles']
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...tests], {
  cwd: tree,
  stdio: 'inherit',
  env: { ...process.env, ...env(join(reports, kind)), LD_PRELOAD: preload.join(' ') },
})
const findings = readdirSync(reports).flatMap((name) => ours(readFileSync(join(reports, name), 'utf8')))
for (const finding of findings) console.error(`${finding}\n`)
console.error(`${findings.length} findings in native/`)
process.exitCode = findings.length > 0 ? 1 : (status ?? 1)

/** The paragraphs of a report that the addon has a part in. */
function ours(report) {
  return report.split(/\n\n+/).filter((part) => /tvm_node\.node|\/native\//.test(part))
}
