import type { ArtifactMetadata } from '../session/artifact.js'
import { packageVersion } from '../version.js'
import type { ResultRecord } from './record.js'

/** An artifact, or a model that was not compiled. */
export type Origin = Pick<ArtifactMetadata, 'name' | 'modelHash'> &
  Partial<Pick<ArtifactMetadata, 'target' | 'libraryVersion' | 'libraryCommit'>>

/** What a result says of the network that it is of and of what made it. */
export function originOf(
  metadata: Origin,
): Pick<ResultRecord, 'network' | 'model_hash' | 'target' | 'versions'> {
  const { target, libraryVersion, libraryCommit } = metadata
  return {
    network: metadata.name || 'unnamed',
    model_hash: metadata.modelHash,
    ...(target && { target }),
    versions: {
      'tvm-node': packageVersion,
      ...(libraryVersion && { tvm: `${libraryVersion} (${libraryCommit?.slice(0, 10)})` }),
      node: process.versions.node,
    },
  }
}
