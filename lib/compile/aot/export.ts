import { writeWhole } from '../../files.js'
import type { ArtifactPieces } from '../../session/artifact.js'
import { tarEnd, tarPieces } from '../../session/tar.js'
import { type AotCode, generateAot } from './code.js'
import type { ExportFormat } from './export-format.js'
import type { AotNetwork } from './lower.js'
import { modelLibraryFormat } from './model-library-format.js'
import { cProject } from './project.js'

const layouts: Readonly<
  Record<ExportFormat, (network: AotNetwork, code: AotCode, relay: string) => ArtifactPieces>
> = {
  mlf: (network, code, relay) => modelLibraryFormat(network, code, relay, new Date()),
  project: cProject,
}

export interface ExportRequest {
  readonly format: ExportFormat
  /** The archive to write. */
  readonly output: string
  /** A private folder for intermediate files. */
  readonly folder: string
  /** The network as text. */
  readonly relay: string
  readonly onObject?: (done: number, total: number) => void
}

/** Generates a network's code and writes it as one archive (tar), whole or not at all. @throws `ERR_WRITE_FAILED` */
export async function exportAot(
  network: AotNetwork,
  { format, output, folder, relay, onObject }: ExportRequest,
): Promise<void> {
  const code = await generateAot(network, folder, onObject)
  await writeWhole(output, [...tarPieces(layouts[format](network, code, relay)), tarEnd])
}
