import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { TvmNodeError } from './errors.js'

/** What `prebuilds/` and the platform packages are made for. */
const supportedPlatforms = 'Linux on x86-64 with glibc 2.34 or newer'

interface NodeGypBuild {
  path(folder: string): string
}

/**
 * Where the addon is: a build in `build/Release`, else the one that the package brings for this platform.
 *
 * @throws `ERR_ADDON`
 */
export function findAddon(): string {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const finder = createRequire(import.meta.url)('node-gyp-build') as NodeGypBuild
  try {
    return finder.path(root)
  } catch (cause) {
    throw new TvmNodeError('ERR_ADDON', unsupported() ?? `there is no native addon in ${root}`, {
      cause,
      details: { root },
    })
  }
}

/** One sentence for a platform that nothing was built for; undefined on a supported one. */
export function unsupported(): string | undefined {
  const { platform, arch } = process
  if (platform === 'linux' && arch === 'x64' && glibcVersion()) return undefined
  const system =
    platform === 'linux' && !glibcVersion() ? `linux-${arch} without glibc` : `${platform}-${arch}`
  return `tvm-node has no addon for ${system}: it supports ${supportedPlatforms}`
}

function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime
}
