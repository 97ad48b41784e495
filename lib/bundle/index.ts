import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TvmNodeError } from '../errors.js'
import { BUNDLE_KEY } from './artifacts.js'
import { findFault } from './check.js'

/** Where TVM's libraries are. */
export interface Bundle {
  readonly dir: string
  /** The compiler library; it contains the runtime. */
  readonly libtvm: string
  readonly libtvmRuntime: string
  /** The linker, if there is one. */
  readonly lld: string | undefined
  /** XGBoost's library, for the cost models of tuners, and the OpenMP runtime that it needs. */
  readonly xgboost: string | undefined
  readonly openmp: string
  /** An OpenCL loader without platforms, for systems that have none; undefined where the addon is not built. */
  readonly opencl: string | undefined
  readonly source: 'explicit' | 'TVM_HOME' | 'cache'
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
 * Finds TVM: an explicit path, else `TVM_HOME` (a build of one's own), else the downloaded bundle. The first two are
 * searched in the folder itself, `build/` and `lib/`. Versions are checked when a library is opened.
 *
 * @throws `ERR_NO_BUNDLE` with the places searched and the command to run.
 */
export function findBundle(options: { path?: string; env?: NodeJS.ProcessEnv } = {}): Bundle {
  const env = options.env ?? process.env
  const cached = cachedBundleDir(env)
  if (options.path) return describe(ownBuild(options.path), 'explicit', cached)
  if (env.TVM_HOME) return describe(ownBuild(env.TVM_HOME), 'TVM_HOME', cached)
  const fault = findFault(cached)
  if (fault) {
    throw new TvmNodeError(
      'ERR_NO_BUNDLE',
      `no TVM library: ${fault}. Run "npm run bundle", or set TVM_HOME to a build of TVM 0.18`,
      { details: { searched: [cached] } },
    )
  }
  return describe(cached, 'cache', cached)
}

function ownBuild(home: string): string {
  const searched = [home, join(home, 'build'), join(home, 'lib')]
  const found = searched.find((folder) =>
    ['libtvm.so', 'libtvm_runtime.so'].some((library) => existsSync(join(folder, library))),
  )
  if (found) return found
  throw new TvmNodeError(
    'ERR_NO_BUNDLE',
    `no libtvm.so or libtvm_runtime.so in ${searched.join(', ')}. Build TVM 0.18 there, or leave the path out to use the bundle ("npm run bundle")`,
    { details: { searched } },
  )
}

function describe(dir: string, source: Bundle['source'], cached: string): Bundle {
  const stub = fileURLToPath(new URL('../../build/Release/opencl-stub/libOpenCL.so.1', import.meta.url))
  return {
    dir,
    libtvm: join(dir, 'libtvm.so'),
    libtvmRuntime: join(dir, 'libtvm_runtime.so'),
    lld: [join(dir, 'lld'), join(cached, 'lld')].find((path) => existsSync(path)),
    xgboost: [join(dir, 'libxgboost4j.so'), join(cached, 'libxgboost4j.so')].find((path) => existsSync(path)),
    openmp: join(cached, 'libgomp.so.1'),
    opencl: existsSync(stub) ? stub : undefined,
    source,
  }
}
