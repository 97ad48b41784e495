// Makes what is published into build/release: the folders of the three packages and their archives. Everything in them is
// built or unpacked here; the main package brings a prebuilt addon, the others TVM's libraries, stripped.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bootstrap } from '../bootstrap.mjs'
import { nodeHeaders } from '../steps/node-headers.mjs'
import { root, run, runScript } from '../steps/run.mjs'

export const release = join(root, 'build/release')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { version, license } = manifest

/** What a platform package says of where it fits: the addon's newest symbols are glibc 2.34's. */
const platform = { os: ['linux'], cpu: ['x64'], libc: ['glibc'], config: { glibc: '>=2.34' } }

/** Builds all and returns the archives by package name. */
export async function makePackages() {
  await bootstrap()
  const { findBundle } = await import('../../dist/bundle/index.js')
  const { platformPackages } = await import('../../dist/bundle/packages.js')
  const bundle = findBundle({ env: { ...process.env, TVM_HOME: undefined } })
  const work = prebuild()
  const main = makeMain(work, Object.values(platformPackages))
  const runtime = makeLibraries('runtime', platformPackages.runtime, {
    description: 'What tvm-node needs on 64-bit Linux to run artifacts: the TVM runtime',
    files: [bundle.libtvmRuntime],
    notices: ['runtime'],
  })
  const compiler = makeLibraries('compiler', platformPackages.compiler, {
    description: 'What tvm-node needs on 64-bit Linux to compile and tune: TVM, LLVM, a linker, XGBoost',
    files: ['libtvm.so', 'libLLVM.so.19.1', 'lld', 'libxgboost4j.so'].map((name) => join(bundle.dir, name)),
    notices: ['runtime', 'compiler'],
  })
  return Object.fromEntries([main, runtime, compiler].map(pack))
}

/**
 * The addon and its stand-ins, built in a tree of their own because build/ has what the project itself uses. The C++ library
 * is linked into the addon: those of older systems lack parts.
 */
function prebuild() {
  const work = join(release, 'work')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  for (const name of ['native', 'binding.gyp', 'package.json'])
    cpSync(join(root, name), join(work, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'))
  const headers = nodeHeaders()
  runScript(
    join(root, 'node_modules/prebuildify/bin.js'),
    ['--napi', '--strip', '--target', process.versions.node],
    {
      cwd: work,
      env: {
        ...process.env,
        ...(headers && { npm_config_nodedir: headers }),
        LDFLAGS: '-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL',
      },
    },
  )
  return work
}

function makeMain(work, libraries) {
  const folder = join(release, 'tvm-node')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { path } of packedFiles()) cpSync(join(root, path), join(folder, path), { recursive: true })
  cpSync(join(work, 'prebuilds'), join(folder, 'prebuilds'), { recursive: true })
  const { scripts, devDependencies, ...kept } = manifest
  writeManifest(folder, {
    ...kept,
    preferUnplugged: true,
    files: [...manifest.files, 'prebuilds'],
    optionalDependencies: Object.fromEntries(libraries.map((name) => [name, version])),
  })
  return folder
}

function packedFiles() {
  const [{ files }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
  return files
}

function makeLibraries(kind, name, { description, files, notices }) {
  const folder = join(release, kind)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'lib'), { recursive: true })
  for (const file of files) {
    const target = join(folder, 'lib', file.slice(file.lastIndexOf('/') + 1))
    cpSync(file, target)
    run('strip', ['--strip-unneeded', target])
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const texts = notices.map((notice) =>
    readFileSync(join(root, 'scripts/release/notices', `${notice}.txt`), 'utf8'),
  )
  writeFileSync(join(folder, 'NOTICE'), texts.join('\n'))
  writeFileSync(
    join(folder, 'README.md'),
    `# ${name}\n\n${description}. It is installed with tvm-node; NOTICE tells what is in it.\n`,
  )
  writeManifest(folder, {
    name,
    version,
    description,
    license,
    ...platform,
    preferUnplugged: true,
    files: ['lib', 'NOTICE'],
  })
  return folder
}

function writeManifest(folder, content) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(content, null, 2)}\n`)
}

function pack(folder) {
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const old of readdirSync(folder)) if (old.endsWith('.tgz')) rmSync(join(folder, old))
  const said = execFileSync('npm', ['pack', '--json', '--pack-destination', release, '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  })
  const [{ filename, size, unpackedSize }] = JSON.parse(said)
  const path = join(release, filename.replace('@', '').replace('/', '-'))
  return [name, { path, bytes: size, unpackedBytes: unpackedSize }]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const packages = await makePackages()
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  for (const [name, { path, bytes, unpackedBytes }] of Object.entries(packages))
    console.log(
      `${name.padEnd(32)} ${megabytes(bytes).padStart(9)} packed ${megabytes(unpackedBytes).padStart(9)} unpacked  ${path}`,
    )
}
