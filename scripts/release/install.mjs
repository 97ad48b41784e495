// Proves by installing: publishes the packages to a registry on loopback, installs them with each client's defaults in a
// folder without compiler, Maven or Python on the path, and compiles and runs a network there in every way that a host
// would. Tells of each check on stderr; `--json` prints them all. Archives are made by packages.mjs unless it was run already (`--keep`).
import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../steps/run.mjs'
import { makePackages } from './packages.mjs'
import { installTools, startRegistry, tools } from './registry.mjs'

const fixture = join(root, 'test/fixtures/models/ic_resnet8')
const compilerPackage = '@tvm-node/compiler-linux-x64'

/**
 * How each client is run, and how it adds packages to a folder. Yarn 4 needs `nodeLinker: node-modules`: compilation runs in processes
 * of its own, which its default (Plug'n'Play) does not reach.
 */
const clients = {
  npm: { cli: npmCli(), add: ['install', '--no-audit', '--no-fund'] },
  pnpm: { cli: join(tools, 'node_modules/pnpm/bin/pnpm.cjs'), add: ['add'] },
  yarn: { cli: join(tools, 'node_modules/yarn/bin/yarn.js'), add: ['add'] },
  'yarn 4': { cli: join(tools, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'), add: ['add'], berry: true },
}

/** Runs `artifact` on the same numbers, in TypeScript; `numbers` are the outputs. */
const runIt = `
  const session = await load(artifact)
  const x = tensor(Float32Array.from({ length: 3072 }, (_, i) => (i % 17) / 17), session.inputs[0].shape)
  const outputs = await session.run({ [session.inputs[0].name]: x })
  await session.dispose()
  const numbers = Object.values(outputs).map(({ data }) => Array.from(data as ArrayLike<number>))`

const program = (imports) => `${imports}
async function main() {
  const [model, artifact] = process.argv.slice(2)
  const compiled = await compile(model, { target: 'llvm' })
  await compiled.save(artifact)
  ${runIt}
  console.log(JSON.stringify(numbers))
}
main()
`
const plain = (text) => text.replace(' as ArrayLike<number>', '')
const esm = program("import { compile, load, tensor } from 'tvm-node'")
const cjs = program("const { compile, load, tensor } = require('tvm-node')")

const workers = `
import { Worker } from 'node:worker_threads'
const script = ${JSON.stringify(`
import { workerData, parentPort } from 'node:worker_threads'
import { load, tensor } from 'tvm-node'
const artifact = workerData
${plain(runIt)}
parentPort.postMessage(numbers)`)}
const { writeFileSync } = await import('node:fs')
writeFileSync('worker.mjs', script)
const all = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
  const worker = new Worker('./worker.mjs', { workerData: process.argv[3] })
  worker.once('message', resolve).once('error', reject)
})))
if (new Set(all.map((each) => JSON.stringify(each))).size !== 1) throw new Error('workers differ')
console.log(JSON.stringify(all[0]))
`

const runOnly = `
import { load, tensor } from 'tvm-node/run'
const artifact = process.argv[3]
${plain(runIt)}
console.log(JSON.stringify(numbers))
`

/** Another addon with much native code and threads of its own: its pictures must stay what they are. */
const sharp = `
const { default: sharp } = await import('sharp')
async function draw() {
  const pixels = Buffer.from(Array.from({ length: 48 * 48 * 3 }, (_, i) => i % 251))
  const png = await sharp(pixels, { raw: { width: 48, height: 48, channels: 3 } }).png().toBuffer()
  if (!pixels.equals(await sharp(png).raw().toBuffer())) throw new Error('another picture')
  await sharp(png).resize(17, 31).jpeg().toBuffer()
}
await draw()
`
const ours = plain(program("const { compile, load, tensor } = await import('tvm-node')")).replace(
  /main\(\)\n$/,
  'await main()\n',
)

const rows = []
const scratch = mkdtempSync(join(tmpdir(), 'tvm-node-release-'))
const bin = bareTools(join(scratch, 'bin'))

/** Checks and installs; ends with the rows. */
export async function proveByInstalling({ keep = false, say = console.error } = {}) {
  const archives = keep ? keptArchives() : Object.values(await makePackages()).map(({ path }) => path)
  say('tools')
  await installTools()
  const registry = await startRegistry(archives)
  try {
    await install('npm', registry, 'warm', say) // The registry now has what it gets from elsewhere.
    const expected = {}
    for (const name of Object.keys(clients)) {
      const { folder, seconds } = await install(name, registry, 'with spaces', say)
      record(`${name}: install`, true, `${seconds.toFixed(1)} s`)
      await useIn(folder, name, expected)
    }
    await runtimeOnly(registry, expected, say)
    await otherPlatforms(say)
  } finally {
    await registry.close()
    rmSync(scratch, { recursive: true, force: true })
  }
  return rows
}

async function useIn(folder, client, expected) {
  const way = async (label, file, text) => {
    writeFileSync(join(folder, file), text)
    const started = performance.now()
    const args = [file, join(fixture, 'model.onnx'), 'network.tvm']
    const { ok, stdout, stderr } = await execute(process.execPath, args, folder)
    const seconds = ((performance.now() - started) / 1000).toFixed(2)
    expected.outputs ??= stdout
    const right = ok && stdout === expected.outputs && stdout.includes('[[')
    record(
      `${client}: ${label}`,
      right,
      right ? `${seconds} s` : (stderr || stdout).slice(-700) || 'other outputs',
    )
  }
  await way('ES module', 'use.mjs', plain(esm))
  await way('CommonJS', 'use.cjs', plain(cjs))
  await way('8 worker threads', 'workers.mjs', workers)
  if (client === 'npm') await useOtherwise(folder, way)
}

/** What does not depend on the client that installed. */
async function useOtherwise(folder, way) {
  for (const [resolution, module] of [
    ['bundler', 'esnext'],
    ['nodenext', 'nodenext'],
  ]) {
    writeFileSync(join(folder, 'use.ts'), esm)
    writeFileSync(
      join(folder, 'run.ts'),
      program("import { compile } from 'tvm-node'\nimport { load, tensor } from 'tvm-node/run'"),
    )
    const options = {
      strict: true,
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(tools, 'node_modules/@types')],
      skipLibCheck: false,
    }
    const config = {
      compilerOptions: { ...options, module, moduleResolution: resolution, outDir: `out-${resolution}` },
      files: ['use.ts', 'run.ts'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(tools, 'node_modules/typescript/bin/tsc')
    const { ok, stdout } = await execute(process.execPath, [tsc, '-p', '.'], folder)
    record(`npm: TypeScript, ${resolution}`, ok, ok ? 'no complaint' : stdout.slice(0, 700))
  }
  const bundle = await execute(
    join(tools, 'node_modules/.bin/esbuild'),
    [
      'use.mjs',
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--external:tvm-node',
      '--outfile=bundled.mjs',
    ],
    folder,
  )
  if (!bundle.ok) record(`npm: esbuild`, false, bundle.stderr.slice(-300))
  else await way('bundled by esbuild', 'loader.mjs', "await import('./bundled.mjs')\n")
  const added = await execute(process.execPath, [clients.npm.cli, ...clients.npm.add, 'sharp'], folder)
  if (!added.ok) record('npm: sharp', false, added.stderr.slice(-300))
  else {
    await way('beside sharp, which is first', 'sharp-first.mjs', `${sharp}${ours}await draw()\n`)
    await way('beside sharp, which is second', 'sharp-second.mjs', `${ours}${sharp}`)
  }
  const verify = await execute(
    process.execPath,
    [join(folder, 'node_modules/tvm-node/dist/cli/main.js'), 'verify', fixture, '--json'],
    folder,
  )
  record(`npm: tvm-node verify`, verify.ok, verify.ok ? 'as the reference' : verify.stderr.slice(-300))
}

async function runtimeOnly(registry, expected, say) {
  const { folder, seconds } = await install('npm', registry, 'runtime', say, [
    '--omit=optional',
    '@tvm-node/runtime-linux-x64',
  ])
  record(
    'npm, runtime only: install',
    !existsSync(join(folder, 'node_modules', compilerPackage)),
    `${seconds.toFixed(1)} s`,
  )
  cpSync(join(scratch, 'npm with spaces/network.tvm'), join(folder, 'network.tvm'))
  writeFileSync(join(folder, 'run.mjs'), runOnly)
  const times = []
  let right = true
  for (let i = 0; i < 5; i++) {
    const started = performance.now()
    const { ok, stdout } = await execute(process.execPath, ['run.mjs', '-', 'network.tvm'], folder)
    times.push((performance.now() - started) / 1000)
    right &&= ok && stdout === expected.outputs
  }
  record(
    'npm, runtime only: first run in a fresh process',
    right,
    `${times.sort((a, b) => a - b)[2].toFixed(3)} s (median of 5, with the start of Node)`,
  )
  writeFileSync(join(folder, 'use.mjs'), plain(esm))
  const { ok, stderr } = await execute(
    process.execPath,
    ['use.mjs', join(fixture, 'model.onnx'), 'x.tvm'],
    folder,
  )
  const said = /there is no .*compiler.*npm install @tvm-node\/compiler-linux-x64/.test(stderr)
  record(
    'npm, runtime only: compile says what to install',
    !ok && said,
    stderr.match(/there is no .*/)?.[0] ?? stderr.slice(-300),
  )
}

/** What an unsupported platform says, from a process that thinks it is on one. */
async function otherPlatforms() {
  const folder = join(scratch, 'npm with spaces')
  for (const [platform, arch] of [
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['linux', 'arm64'],
  ]) {
    const file = `${platform}.mjs`
    writeFileSync(
      join(folder, file),
      `
Object.defineProperty(process, 'platform', { value: '${platform}' }); Object.defineProperty(process, 'arch', { value: '${arch}' })
await import('tvm-node').then(({ load }) => load('x.tvm')).catch((error) => console.log(error.code, error.message))`,
    )
    const { stdout } = await execute(process.execPath, [file], folder)
    const right = /^ERR_ADDON tvm-node has no addon for .*: it supports [^\n]*\n$/.test(stdout)
    record(`${platform}-${arch}: one sentence`, right, stdout.trim().slice(0, 200))
  }
}

async function install(client, registry, label, say, more = []) {
  say(`${client}, ${label}`)
  const { cli, add, berry } = clients[client]
  const folder = join(scratch, `${client} ${label}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  writeFileSync(join(folder, '.npmrc'), `registry=${registry.url}\n`)
  if (berry) {
    writeFileSync(
      join(folder, '.yarnrc.yml'),
      `npmRegistryServer: ${registry.url}\nunsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nenableGlobalCache: false\nnodeLinker: node-modules\nnpmMinimalAgeGate: 0\n`,
    )
    writeFileSync(join(folder, 'yarn.lock'), '')
  } else if (client === 'yarn') writeFileSync(join(folder, '.yarnrc'), `registry "${registry.url}"\n`)
  const started = performance.now()
  const { ok, stdout, stderr } = await execute(process.execPath, [cli, ...add, 'tvm-node', ...more], folder)
  if (!ok) throw new Error(`${client} could not install:\n${stdout}\n${stderr}`)
  return { folder, seconds: (performance.now() - started) / 1000 }
}

function record(check, ok, detail) {
  rows.push({ check, ok, detail })
  console.error(`${ok ? 'ok ' : 'NOT'}  ${check}  ${detail}`)
}

/** With nothing of this machine but Node and a shell on the path, and no one's caches and settings. */
function execute(command, args, cwd) {
  const home = join(cwd, '.home')
  const env = {
    PATH: bin,
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    npm_config_update_notifier: 'false',
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    CI: '1',
  }
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, timeout: 300_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ ok: !error, stdout, stderr }),
    )
  })
}

function bareTools(folder) {
  mkdirSync(folder, { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node'))
  symlinkSync('/bin/sh', join(folder, 'sh'))
  return folder
}

function npmCli() {
  const paths = (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'npm'))
  return realpathSync(paths.find((path) => existsSync(path)) ?? join(dirname(process.execPath), 'npm'))
}

function keptArchives() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return ['tvm-node', 'tvm-node-runtime-linux-x64', 'tvm-node-compiler-linux-x64'].map((name) =>
    join(root, 'build/release', `${name}-${version}.tgz`),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = await proveByInstalling({ keep: process.argv.includes('--keep') })
  if (process.argv.includes('--json')) console.log(JSON.stringify(result))
  process.exitCode = result.every(({ ok }) => ok) ? 0 : 1
}
