import { libraryVersion, openLibrary } from '../runtime/index.js'

export interface LibraryReport {
  readonly path: string
  readonly version: string
  readonly commit: string
}

/** Opens the compiler library and tells which it is, where a library that takes its process down does no harm. */
export function run(): LibraryReport {
  const { path } = openLibrary({ kind: 'compiler' })
  return { path, ...libraryVersion() }
}
