import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TvmNodeError } from '../errors.js'
import type { BundleArtifact } from './artifacts.js'

const execute = promisify(execFile)

/**
 * Has the Maven client copy archives into `folder`, from wherever the user's settings say.
 *
 * @param folder - An existing folder, used for Maven's own files too.
 * @param fresh - Downloads again instead of taking the client's local copies.
 * @throws `ERR_BUNDLE_DOWNLOAD` when there is no `mvn`, or it fails.
 */
export async function copyWithMaven(
  artifacts: readonly BundleArtifact[],
  folder: string,
  fresh: boolean,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const pom = join(folder, 'pom.xml')
  await writeFile(pom, projectFile(artifacts))
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]
  args.push('-DexcludeTransitive=true', '-DoverWriteReleases=true')
  if (fresh) args.push(`-Dmaven.repo.local=${join(folder, 'repository')}`)
  try {
    await execute('mvn', args, { maxBuffer: 1 << 26 })
  } catch (error) {
    throw new TvmNodeError('ERR_BUNDLE_DOWNLOAD', reason(error), { cause: error })
  }
}

function projectFile(artifacts: readonly BundleArtifact[]): string {
  const element = (name: string, text: string) => `<${name}>${text}</${name}>`
  const coordinates = (group: string, name: string, version: string) =>
    element('groupId', group) + element('artifactId', name) + element('version', version)
  const dependencies = artifacts.map(({ group, name, version, classifier }) =>
    element(
      'dependency',
      coordinates(group, name, version) + (classifier ? element('classifier', classifier) : ''),
    ),
  )
  const project = coordinates('tvm-node', 'bundle', '1') + element('dependencies', dependencies.join(''))
  return element('project', element('modelVersion', '4.0.0') + project)
}

function reason(error: unknown): string {
  const { code, stdout, stderr, message } = error as Error & {
    code?: unknown
    stdout?: string
    stderr?: string
  }
  if (code === 'ENOENT') return 'the TVM bundle is downloaded with Maven, and there is no `mvn` on PATH'
  const said = [stdout, stderr].map((text) => text?.trim()).filter(Boolean)
  return `Maven could not get the TVM bundle: ${said.join('\n') || message}`
}
