import { TvmNodeError } from '../errors.js'
import { type ArtifactContents, isForProgram } from '../session/artifact.js'
import { programMemory } from '../session/program-memory.js'
import { buildFirmware, type Firmware } from './firmware.js'
import type { MicroBoard } from './micro-board.js'

/**
 * Builds the program of a board from an artifact for such boards.
 *
 * @param folder - As for `buildFirmware`.
 * @throws `ERR_BOARD` for artifacts that are for TVM's own runtime, and as `buildFirmware`
 */
export async function buildNetworkProgram(
  contents: ArtifactContents,
  { name, platform }: MicroBoard,
  folder: string,
  signal?: AbortSignal,
): Promise<Firmware> {
  const { metadata, members } = contents
  if (!isForProgram(metadata.executor))
    throw new TvmNodeError(
      'ERR_BOARD',
      `the artifact is for TVM's own runtime; compile it for the board (--board ${name})`,
      { details: { board: name, executor: metadata.executor } },
    )
  return buildFirmware(members, platform, folder, { memory: programMemory(contents), signal })
}
