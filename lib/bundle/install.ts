import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { TvmNodeError } from '../errors.js'
import {
  archiveName,
  BUNDLE_KEY,
  type BundleArtifact,
  type BundleFile,
  bundleArtifacts,
} from './artifacts.js'
import { sha256, verifyBundle, writeMarker } from './check.js'
import { cachedBundleDir } from './index.js'
import { copyWithMaven } from './maven.js'
import { ZipArchive } from './zip.js'

export interface InstallOptions {
  /** A folder that already holds the archives, for machines without Maven or network. Default: Maven gets them. */
  readonly from?: string
  /** Takes the sums of all files already there, instead of only those that changed. Default false. */
  readonly verify?: boolean
  /** Hears what is being done, in lines. */
  readonly onMessage?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Makes sure that the per-user cache holds the whole bundle, and returns its folder. What is there and right is kept;
 * anything missing or damaged is unpacked anew beside it and takes the place of the damaged one when it is complete, so
 * that other processes see no half bundle.
 *
 * @throws `ERR_BUNDLE_DOWNLOAD` when the archives cannot be had or their sums differ; `ERR_NO_BUNDLE` on a platform
 * that has no bundle.
 */
export async function installBundle(options: InstallOptions = {}): Promise<string> {
  const say = options.onMessage ?? (() => {})
  const dir = cachedBundleDir(options.env)
  const fault = await verifyBundle(dir, options.verify ?? false)
  if (!fault) return dir
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new TvmNodeError(
      'ERR_NO_BUNDLE',
      `there is no TVM bundle for ${process.platform} on ${process.arch}; set TVM_HOME to a build of TVM 0.18`,
    )
  }
  say(`TVM bundle: ${fault}; getting it`)
  await removeAbandoned(dir)
  // The random part keeps installations of one process apart.
  const scratch = await mkdtemp(join(dirname(dir), `.${BUNDLE_KEY}.${process.pid}.`))
  try {
    const archives = await getArchives(options.from, join(scratch, 'archives'), say)
    const fresh = join(scratch, 'bundle')
    await mkdir(fresh, { recursive: true })
    for (const artifact of bundleArtifacts) {
      say(`TVM bundle: unpacking ${artifact.name} ${artifact.version}`)
      await unpack(artifact, join(archives, archiveName(artifact)), fresh)
    }
    await checkLinker(fresh)
    await writeMarker(fresh)
    await replace(dir, fresh, join(scratch, 'old'), options.verify ?? false)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return dir
}

async function getArchives(
  from: string | undefined,
  scratch: string,
  say: (line: string) => void,
): Promise<string> {
  if (from) {
    const fault = await archiveFault(from)
    if (fault) throw new TvmNodeError('ERR_BUNDLE_DOWNLOAD', fault)
    return from
  }
  for (const fresh of [false, true]) {
    const folder = join(scratch, fresh ? 'fresh' : 'local')
    await copyWithMaven(bundleArtifacts, folder, fresh)
    const fault = await archiveFault(folder)
    if (!fault) return folder
    if (fresh) throw new TvmNodeError('ERR_BUNDLE_DOWNLOAD', fault)
    say(`TVM bundle: ${fault}; downloading again`)
  }
  throw new Error('unreachable')
}

async function archiveFault(folder: string): Promise<string | undefined> {
  for (const artifact of bundleArtifacts) {
    const path = join(folder, archiveName(artifact))
    const sum = await sha256(path).catch((error: NodeJS.ErrnoException) => error.code)
    if (sum === 'ENOENT') return `${basename(path)} is missing`
    if (sum !== artifact.sha256) return `the SHA-256 of ${basename(path)} is ${sum}, not ${artifact.sha256}`
  }
  return undefined
}

async function unpack(artifact: BundleArtifact, archive: string, dir: string): Promise<void> {
  const zip = await ZipArchive.open(archive)
  try {
    for (const file of artifact.files) {
      const path = join(dir, file.name)
      const extracted = await zip.extract(file.entry, path, file.executable ? 0o755 : 0o644)
      const sum = file.renames ? await replaceNames(path, file.renames) : extracted
      if (sum === file.sha256) continue
      throw new TvmNodeError('ERR_BUNDLE_DOWNLOAD', `${file.name} came out of ${archive} damaged`)
    }
  } finally {
    await zip.close()
  }
}

/** Returns the file's new sum. */
async function replaceNames(path: string, renames: NonNullable<BundleFile['renames']>): Promise<string> {
  const file = await open(path, 'r+')
  try {
    for (const [at, from, to] of renames) {
      const bytes = Buffer.alloc(from.length)
      await file.read(bytes, 0, bytes.length, at)
      if (bytes.toString('latin1') !== from) return ''
      bytes.fill(0).write(to, 'latin1')
      await file.write(bytes, 0, bytes.length, at)
    }
  } finally {
    await file.close()
  }
  return sha256(path)
}

/** The linker needs the system's C++ library and zlib: say so now rather than at the end of the first compilation. */
async function checkLinker(dir: string): Promise<void> {
  try {
    await promisify(execFile)(join(dir, 'lld'), ['-flavor', 'gnu', '--version'])
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message
    throw new TvmNodeError('ERR_BUNDLE_DOWNLOAD', `the bundle's linker does not run here: ${said}`, {
      cause: error,
    })
  }
}

async function replace(dir: string, fresh: string, old: string, verify: boolean): Promise<void> {
  // Another process may have been faster, and users of its bundle should not see it move away.
  if (!(await verifyBundle(dir, verify))) return
  await rename(dir, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(fresh, dir).catch(async (error: NodeJS.ErrnoException) => {
    if (await verifyBundle(dir, false)) throw error
  })
}

/** Removes what installations that were killed left behind. */
async function removeAbandoned(dir: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true })
  for (const name of await readdir(dirname(dir))) {
    if (!name.startsWith(`.${BUNDLE_KEY}.`)) continue
    const pid = Number.parseInt(name.slice(BUNDLE_KEY.length + 2), 10)
    if (!isAlive(pid)) await rm(join(dirname(dir), name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
