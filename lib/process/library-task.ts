import { findGlobalFunc, libraryVersion, openLibrary } from '../runtime/index.js'

export interface LibraryReport {
  readonly path: string
  readonly version: string
  readonly commit: string
  /** Of the kinds of targets that not every build has: those it makes code for, and those whose devices it knows. */
  readonly code: readonly string[]
  readonly devices: readonly string[]
}

const kinds = ['cuda', 'opencl', 'vulkan', 'metal', 'rocm'] as const

/** Opens the compiler library and tells which it is, where a library that takes its process down does no harm. */
export function run(): LibraryReport {
  const { path } = openLibrary({ kind: 'compiler' })
  const having = (prefix: string) => kinds.filter((kind) => findGlobalFunc(prefix + kind))
  return { path, ...libraryVersion(), code: having('target.build.'), devices: having('device_api.') }
}
