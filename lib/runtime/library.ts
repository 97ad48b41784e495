import { existsSync } from 'node:fs'
import { findBundle } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import { Module } from './module.js'
import { NDArray } from './ndarray.js'
import type { TvmMap } from './object.js'
import { installObjectTypes, TvmObject } from './object.js'
import { getGlobalFunc, PackedFuncPrototype } from './packed-func.js'

/** The release whose C ABI and frontend contract this package speaks. */
export const SUPPORTED_VERSION = '0.18'

export interface Library {
  readonly path: string
  /** `compiler` has everything; `runtime` only runs what was compiled. */
  readonly kind: 'compiler' | 'runtime'
}

native.setClasses({
  object: TvmObject,
  packedFunc: PackedFuncPrototype,
  module: Module,
  ndarray: NDArray,
})

let current: Library | undefined

/**
 * Opens the TVM library of this process, once. A process that already has a compiler serves a request for the runtime.
 *
 * @throws `ERR_SECOND_LIBRARY` when the process has another TVM library; `ERR_LIBRARY_VERSION` when it is not 0.18;
 * `ERR_NO_BUNDLE` when none is found.
 */
export function openLibrary(options: { path?: string; kind?: Library['kind'] } = {}): Library {
  const kind = options.kind ?? 'compiler'
  if (current && !options.path && (current.kind === kind || current.kind === 'compiler')) return current
  const bundle = options.path ? undefined : findBundle()
  const path = options.path ?? (kind === 'compiler' ? bundle?.libtvm : bundle?.libtvmRuntime)
  if (!path || !existsSync(path)) {
    throw new TvmNodeError('ERR_NO_BUNDLE', `no TVM library at ${path}`, { details: { path } })
  }
  native.open(path, bundle?.opencl ? [bundle.opencl] : [])
  installObjectTypes()
  const opened: Library = { path: native.openedPath(), kind: hasCompiler() ? 'compiler' : 'runtime' }
  checkVersion(opened)
  current = opened
  return opened
}

/** The library in use, if any. */
export function openedLibrary(): Library | undefined {
  return current
}

function hasCompiler(): boolean {
  return native.getGlobal('relay.build_module._BuildModule') !== null
}

/** The library's version and commit; the commit is empty where the library does not say. */
export function libraryVersion(): { version: string; commit: string } {
  const info = getGlobalFunc('support.GetLibInfo')() as unknown as TvmMap<string, string>
  const read = (key: string) => (info.has(key) ? (info.get(key) as string) : '')
  const saved = native.getGlobal('node.SaveJSON')
  const json = saved ? JSON.parse(getGlobalFunc('node.SaveJSON')(null) as string) : undefined
  return { version: json?.attrs?.tvm_version ?? '', commit: read('GIT_COMMIT_HASH') }
}

function checkVersion(library: Library): void {
  if (library.kind !== 'compiler') return
  const { version } = libraryVersion()
  if (version === SUPPORTED_VERSION || version.startsWith(`${SUPPORTED_VERSION}.`)) return
  throw new TvmNodeError(
    'ERR_LIBRARY_VERSION',
    `${library.path} is TVM ${version || 'of an unknown version'}; this package needs ${SUPPORTED_VERSION}.x`,
    { details: { path: library.path, version } },
  )
}
