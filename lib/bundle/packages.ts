import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { packageVersion } from '../version.js'

/** The npm packages that bring TVM's libraries for a platform. */
export const platformPackages = {
  runtime: '@tvm-node/runtime-linux-x64',
  compiler: '@tvm-node/compiler-linux-x64',
} as const

export type PlatformPackage = keyof typeof platformPackages

/** The folder of libraries of an installed package, or why there is none. */
export type Found = { readonly dir: string } | { readonly reason: string }

/** Only a package of this package's own version fits. */
export function findPackage(kind: PlatformPackage): Found {
  const name = platformPackages[kind]
  const require = createRequire(import.meta.url)
  let manifest: string
  try {
    manifest = require.resolve(`${name}/package.json`)
  } catch {
    return { reason: `${name} is not installed` }
  }
  const { version } = require(manifest) as { version: string }
  if (version !== packageVersion) return { reason: `${name} is ${version}, tvm-node ${packageVersion}` }
  return { dir: join(dirname(manifest), 'lib') }
}
