import type { TvmMap } from './object.js'
import { findGlobalFunc, getGlobalFunc } from './packed-func.js'

/** The release whose C ABI and frontend contract this package speaks. */
export const SUPPORTED_VERSION = '0.18'

/**
 * The open library's version and commit. The version is empty where the library is no 0.18 release and cannot say what it
 * is; the commit is empty where it was built without.
 */
export function libraryVersion(): { version: string; commit: string } {
  const info = getGlobalFunc('support.GetLibInfo')() as unknown as TvmMap<string, string>
  const commit = info.has('GIT_COMMIT_HASH') ? (info.get('GIT_COMMIT_HASH') as string) : ''
  const save = findGlobalFunc('node.SaveJSON')
  const version = save ? JSON.parse(save(null) as string).attrs?.tvm_version : probe()
  return { version: version ?? '', commit }
}

export function isSupported(version: string): boolean {
  return version === SUPPORTED_VERSION || version.startsWith(`${SUPPORTED_VERSION}.`)
}

/**
 * A library without the compiler does not tell its version, but refuses executables of another one (TVM v0.18,
 * src/runtime/vm/executable.cc, LoadHeader): it is offered headers of the supported versions.
 */
function probe(): string | undefined {
  const load = findGlobalFunc('runtime.Load_Executable')
  if (!load) return undefined
  return ['0', '1', '2', '3']
    .map((patch) => `${SUPPORTED_VERSION}.${patch}`)
    .find((version) => {
      try {
        load(executableHeader(version), null)
        return true
      } catch (error) {
        // Past the version it misses the section of devices.
        return String(error).includes('virtual_device')
      }
    })
}

function executableHeader(version: string): Uint8Array {
  const header = Buffer.alloc(16 + version.length)
  header.writeBigUInt64LE(0xd225de2f4214151dn, 0)
  header.writeBigUInt64LE(BigInt(version.length), 8)
  header.write(version, 16)
  return new Uint8Array(header)
}
