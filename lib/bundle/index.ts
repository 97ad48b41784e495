import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { findAddon } from '../addon.js'
import { TvmNodeError } from '../errors.js'
import { packageVersion } from '../version.js'
import { BUNDLE_KEY } from './artifacts.js'
import { findFault } from './check.js'
import { findPackage, platformPackages } from './packages.js'

/** Libraries to open before others. */
export interface StandIns {
  readonly forTvm: readonly string[]
  readonly forXGBoost: string
}

/** Where TVM's libraries are. */
export interface Bundle {
  /** Of the compiler library or, where there is none, the runtime. */
  readonly dir: string
  /** The compiler library; it contains the runtime. Where only artifacts are run it does not exist. */
  readonly libtvm: string
  readonly libtvmRuntime: string
  /** The linker, if there is one. */
  readonly lld: string | undefined
  /** XGBoost's library, for the cost models of tuners. */
  readonly xgboost: string | undefined
  /** Stand-ins for what these libraries are linked against (docs/decisions/0003). */
  readonly standIns: StandIns
  readonly source: 'explicit' | 'TVM_HOME' | 'package' | 'cache'
}

/** The per-user folder of bundles: `$XDG_CACHE_HOME/tvm-node`, by default `~/.cache/tvm-node`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tvm-node')
}

/** The bundle's folder in the cache, whether it is there or not. */
export function cachedBundleDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDir(env), BUNDLE_KEY)
}

/**
 * Finds TVM: an explicit path, else `TVM_HOME` (a build of one's own), else the installed platform packages, else the
 * downloaded bundle. The first two are searched in the folder itself, `build/` and `lib/`. Versions are checked when a
 * library is opened.
 *
 * @throws `ERR_NO_BUNDLE` with the places searched and what to do; `ERR_ADDON`.
 */
export function findBundle(options: { path?: string; env?: NodeJS.ProcessEnv } = {}): Bundle {
  const env = options.env ?? process.env
  const cached = cachedBundleDir(env)
  if (options.path) return describe(ownBuild(options.path), 'explicit', cached)
  if (env.TVM_HOME) return describe(ownBuild(env.TVM_HOME), 'TVM_HOME', cached)
  const runtime = findPackage('runtime')
  if ('dir' in runtime) return describe(runtime.dir, 'package', cached)
  const fault = findFault(cached)
  if (fault) {
    throw new TvmNodeError(
      'ERR_NO_BUNDLE',
      `no TVM library: ${runtime.reason}, and ${fault}. Install ${platformPackages.runtime}@${packageVersion}, run "npm run bundle" in a checkout, or set TVM_HOME to a build of TVM 0.18`,
      { details: { searched: [platformPackages.runtime, cached] } },
    )
  }
  return describe(cached, 'cache', cached)
}

/** That a part of the compiler is missing, and what to do about it. */
export function missing(part: string, { dir, source }: Bundle): string {
  if (source !== 'package') return `there is no ${part} in ${dir}; "npm run bundle" gets one`
  const compiler = findPackage('compiler')
  const reason = 'reason' in compiler ? compiler.reason : `${compiler.dir} is not complete`
  return `there is no ${part}: ${reason}. Run "npm install ${platformPackages.compiler}@${packageVersion}"`
}

function ownBuild(home: string): string {
  const searched = [home, join(home, 'build'), join(home, 'lib')]
  const found = searched.find((folder) =>
    ['libtvm.so', 'libtvm_runtime.so'].some((library) => existsSync(join(folder, library))),
  )
  if (found) return found
  throw new TvmNodeError(
    'ERR_NO_BUNDLE',
    `no libtvm.so or libtvm_runtime.so in ${searched.join(', ')}. Build TVM 0.18 there, or leave the path out to use the libraries that come with this package`,
    { details: { searched } },
  )
}

function describe(dir: string, source: Bundle['source'], cached: string): Bundle {
  const compiler = findPackage('compiler')
  const folders = [dir, ...('dir' in compiler ? [compiler.dir] : []), cached]
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  const home = source === 'package' && 'dir' in compiler ? compiler.dir : dir
  return {
    dir: home,
    libtvm: join(home, 'libtvm.so'),
    libtvmRuntime: join(dir, 'libtvm_runtime.so'),
    lld: find('lld'),
    xgboost: find('libxgboost4j.so'),
    standIns: findStandIns(),
    source,
  }
}

/** Stand-ins are built with the addon: a local build has them in a folder, a package beside it. */
function findStandIns(): StandIns {
  const beside = dirname(findAddon())
  const built = join(beside, 'stand-ins')
  const folder = existsSync(built) ? built : beside
  const path = (name: string) => join(folder, name)
  return { forTvm: [path('libOpenCL.so.1'), path('libnoblas.so')], forXGBoost: path('libgomp.so.1') }
}
