import type { ArtifactMetadata } from '../session/artifact.js'
import { packageVersion } from '../version.js'
import type { ResultRecord } from './record.js'

/** What a result says of the network that it is of and of what made it. */
export function originOf(
  metadata: Pick<ArtifactMetadata, 'name' | 'modelHash' | 'target' | 'libraryVersion' | 'libraryCommit'>,
): Pick<ResultRecord, 'network' | 'model_hash' | 'target' | 'versions'> {
  return {
    network: metadata.name || 'unnamed',
    model_hash: metadata.modelHash,
    target: metadata.target,
    versions: {
      'tvm-node': packageVersion,
      tvm: `${metadata.libraryVersion} (${metadata.libraryCommit.slice(0, 10)})`,
      node: process.versions.node,
    },
  }
}
