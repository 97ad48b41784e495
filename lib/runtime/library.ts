import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { findBundle, missing } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import { isSupported, libraryVersion, SUPPORTED_VERSION } from './library-version.js'
import { Module } from './module.js'
import { NDArray } from './ndarray.js'
import { TvmObject } from './object.js'
import { findGlobalFunc, PackedFuncPrototype } from './packed-func.js'

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
 * Nothing is printed; the library's worker threads are not bound to processors unless `TVM_BIND_THREADS` says so.
 *
 * @param options.path - A TVM library, or the folder of a build; default: `TVM_HOME`, else the bundle.
 * @param options.kind - Default `compiler`.
 * @throws `ERR_NO_BUNDLE` when none is found; `ERR_LIBRARY_LOAD` when it cannot be opened; `ERR_LIBRARY_VERSION` when it is
 * not 0.18; `ERR_SECOND_LIBRARY` when the process has another TVM library.
 */
export function openLibrary(options: { path?: string; kind?: Library['kind'] } = {}): Library {
  const kind = options.kind ?? 'compiler'
  if (current && !options.path && (current.kind === kind || current.kind === 'compiler')) return current
  const { path, standIns } = locate(kind, options.path)
  native.open(path, standIns)
  if (current?.path === native.openedPath()) return current
  const opened: Library = { path: native.openedPath(), kind: hasCompiler() ? 'compiler' : 'runtime' }
  checkVersion(opened)
  current = opened
  return opened
}

function locate(kind: Library['kind'], path?: string): { path: string; standIns: readonly string[] } {
  const isFile = path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFile()
  const home = isFile ? dirname(path) : path
  const bundle = findBundle(home === undefined ? {} : { path: home })
  const standIns = bundle.standIns.forTvm
  if (isFile) return { path, standIns }
  // A build of one's own may have the compiler library alone, which contains the runtime.
  const fitting = kind === 'compiler' ? [bundle.libtvm] : [bundle.libtvmRuntime, bundle.libtvm]
  const found = fitting.find((candidate) => existsSync(candidate))
  if (found) return { path: found, standIns }
  throw new TvmNodeError('ERR_NO_BUNDLE', missing('compiler library libtvm.so', bundle), {
    details: { searched: fitting },
  })
}

/** The library in use, if any. */
export function openedLibrary(): Library | undefined {
  return current
}

function hasCompiler(): boolean {
  return findGlobalFunc('relay.build_module._BuildModule') !== null
}

function checkVersion(library: Library): void {
  const { version } = libraryVersion()
  if (isSupported(version)) return
  throw new TvmNodeError(
    'ERR_LIBRARY_VERSION',
    `${library.path} is TVM ${version || 'of an unknown version'}; this package needs ${SUPPORTED_VERSION}.x`,
    { details: { path: library.path, version } },
  )
}
