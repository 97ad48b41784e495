import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TvmNodeError } from '../errors.js'

/** Where TVM's libraries are. */
export interface Bundle {
  readonly dir: string
  readonly libtvm: string
  readonly libtvmRuntime: string
  /** The linker, if this bundle has one. */
  readonly lld: string | undefined
  /** An OpenCL loader to open first, or undefined where the system has one. */
  readonly opencl: string | undefined
  readonly source: 'explicit' | 'TVM_HOME' | 'cache'
}

/** Names the set of artifacts; a change of any of them is a new folder. */
export const BUNDLE_KEY = 'tvm-0.18.0-1.5.11'

/** The per-user folder of bundles. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tvm-node')
}

/** The bundle's folder in the cache, whether it is there or not. */
export function cachedBundleDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDir(env), BUNDLE_KEY)
}

/**
 * Finds TVM: an explicit path, else `TVM_HOME` (a build of one's own), else the downloaded bundle.
 *
 * @throws `ERR_NO_BUNDLE` with the places searched.
 */
export function findBundle(options: { path?: string; env?: NodeJS.ProcessEnv } = {}): Bundle {
  const env = options.env ?? process.env
  const cached = cachedBundleDir(env)
  if (options.path) return inFolders([options.path, join(options.path, 'build'), join(options.path, 'lib')], 'explicit', cached)
  if (env.TVM_HOME) {
    const home = env.TVM_HOME
    return inFolders([home, join(home, 'build'), join(home, 'lib')], 'TVM_HOME', cached)
  }
  return inFolders([cached], 'cache', cached)
}

function inFolders(folders: readonly string[], source: Bundle['source'], cached: string): Bundle {
  const dir = folders.find((folder) => existsSync(join(folder, 'libtvm.so')) || existsSync(join(folder, 'libtvm_runtime.so')))
  if (!dir || (source === 'cache' && !existsSync(join(dir, 'complete.json')))) {
    throw new TvmNodeError(
      'ERR_NO_BUNDLE',
      `no TVM 0.18 library found in ${folders.join(', ')}; run "npm run bundle" or set TVM_HOME to a TVM build`,
      { details: { searched: folders } },
    )
  }
  const lld = [join(dir, 'lld'), join(cached, 'lld')].find((path) => existsSync(path))
  const stub = fileURLToPath(new URL('../../build/Release/opencl-stub/libOpenCL.so.1', import.meta.url))
  return {
    dir,
    libtvm: join(dir, 'libtvm.so'),
    libtvmRuntime: join(dir, 'libtvm_runtime.so'),
    lld,
    opencl: hasSystemOpenCL() || !existsSync(stub) ? undefined : stub,
    source,
  }
}

function hasSystemOpenCL(): boolean {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/lib/x86_64-linux-gnu', '/usr/local/lib']
  return folders.some((folder) => existsSync(join(folder, 'libOpenCL.so.1')))
}
