import { createHash, type Hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { TvmNodeError } from '../errors.js'
import { writeWhole } from '../files.js'
import { native } from '../native.js'
import type { DType } from '../tensor.js'
import { faultOf } from './check-metadata.js'
import type { Structure } from './structure.js'
import { readTar, sizeOf, tarEnd, tarPieces } from './tar.js'

export const ARTIFACT_FORMAT = 1

/** An input or output by the model's own name. */
export interface TensorInfo {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** An input of a compiled network. */
export interface InputInfo extends TensorInfo {
  /** The name within the compiled graph. */
  readonly internal: string
}

/** How one operator was scheduled. */
export interface ScheduleInfo {
  /** The implementation: a template's name, or that of a schedule that cannot be tuned. */
  readonly implementation: string
  /** `tuned` by a record, `default-record` by one inside this package, `untuned` by reasoning. */
  readonly source: 'untuned' | 'default-record' | 'tuned'
  /** What the template computes, and the configuration that it had. */
  readonly workload?: string
  readonly config?: string
  /** The workload in the layouts of the model, by which records of it are found: see `workloadKey`. */
  readonly key?: string
  /** The function of the artifact that computes it, among other operators that were fused with it. */
  readonly function?: string
}

/** What an artifact says of itself. */
export interface ArtifactMetadata {
  readonly format: number
  readonly name: string
  /** The package version that made it. */
  readonly createdBy: string
  /** SHA-256 of the model file. */
  readonly modelHash: string
  readonly target: string
  /** Instruction-set extensions that the code uses, by LLVM's names. */
  readonly cpuFeatures: readonly string[]
  readonly libraryVersion: string
  readonly libraryCommit: string
  /**
   * `vm` is Relay's virtual machine, for networks with extents that only a run knows; those are -1 in the shapes here. Of `aot` and
   * `host` a board's program is built: of the whole network, or of its operators, whose graph the host executes.
   */
  readonly executor: 'graph' | 'aot' | 'host' | 'vm'
  readonly optLevel: number
  readonly inputs: readonly InputInfo[]
  readonly outputs: readonly TensorInfo[]
  /** Dimensions that the model leaves open and nobody pinned, with the extent that they were taken as. */
  readonly assumed: readonly { readonly input: string; readonly axis: number; readonly extent: number }[]
  /** Whether the network computes with 8-bit integers in places. */
  readonly quantized?: boolean
  /** What sequences and optionals are made of, where the model has any: see `flattenValues`. */
  readonly structure?: Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, Structure>>>>
  /** How the operators were scheduled where there was a choice, in the order of their calls. */
  readonly schedules: readonly ScheduleInfo[]
  /** The other members, with their sizes and sums. */
  readonly members: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>
}

/** An artifact in memory: its metadata and the members by name. */
export interface ArtifactContents {
  readonly metadata: ArtifactMetadata
  readonly members: Readonly<Record<string, Uint8Array>>
}

const METADATA = 'artifact.json'
/** What an artifact's file begins with. */
const ARTIFACT_START = Buffer.from(`${METADATA}\0`)
const SEAL = 'SHA256'

/** Whether a file begins as artifacts do, with the name of their first member. @throws `ERR_MODEL_READ` */
export async function isArtifact(path: string): Promise<boolean> {
  try {
    await using file = await open(path)
    const { buffer } = await file.read(Buffer.alloc(ARTIFACT_START.length), 0, ARTIFACT_START.length, 0)
    return buffer.equals(ARTIFACT_START)
  } catch (cause) {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}

/** What is written: members in pieces, so that large ones need not be put together first. */
export type ArtifactPieces = Readonly<Record<string, readonly Uint8Array[]>>

function seal(hash: Hash): Uint8Array[] {
  return [...tarPieces({ [SEAL]: [Buffer.from(`${hash.digest('hex')}\n`)] }), tarEnd]
}

const SEAL_BYTES = 2048

function hashOf(pieces: readonly Uint8Array[]): Hash {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash
}

/**
 * Writes an artifact whole or not at all.
 *
 * @returns The metadata, with the members' sums.
 * @throws `ERR_WRITE_FAILED`
 */
export async function writeArtifact(
  path: string,
  metadata: Omit<ArtifactMetadata, 'members'>,
  members: ArtifactPieces,
): Promise<ArtifactMetadata> {
  const sums = Object.entries(members).map(([name, data]) => {
    return [name, { size: sizeOf(data), sha256: hashOf(data).digest('hex') }] as const
  })
  const complete = { ...metadata, members: Object.fromEntries(sums) }
  const json = Buffer.from(`${JSON.stringify(complete, null, 2)}\n`)
  // The metadata come first, then the members, then a seal over all bytes before it.
  const body = tarPieces({ [METADATA]: [json], ...members })
  await writeWhole(path, [...body, ...seal(hashOf(body))])
  return complete
}

/**
 * Reads an artifact and checks it: every byte against the seal, the format, and that this machine can run its code.
 *
 * @throws `ERR_ARTIFACT_READ`, `ERR_NOT_ARTIFACT`, `ERR_ARTIFACT_DAMAGED`, `ERR_ARTIFACT_VERSION`, `ERR_CPU_FEATURES`.
 */
export async function readArtifact(path: string): Promise<ArtifactContents> {
  const { bytes, hash } = await readHashed(path)
  return parseArtifact(path, bytes, hash)
}

/**
 * An artifact of its bytes.
 *
 * @param path - For errors.
 * @param hash - Of all bytes but the seal.
 * @throws as `readArtifact`, but for `ERR_ARTIFACT_READ`
 */
export function parseArtifact(path: string, bytes: Buffer, hash: Hash): ArtifactContents {
  const damaged = (why: string) =>
    new TvmNodeError('ERR_ARTIFACT_DAMAGED', `${path} is damaged: ${why}`, { details: { path } })
  if (!bytes.subarray(0, ARTIFACT_START.length).equals(ARTIFACT_START)) {
    throw new TvmNodeError('ERR_NOT_ARTIFACT', `${path} is not an artifact of tvm-node`, {
      details: { path },
    })
  }
  if (bytes.length < 2 * SEAL_BYTES || !bytes.subarray(-SEAL_BYTES).equals(Buffer.concat(seal(hash)))) {
    throw damaged('its contents do not agree with its sum')
  }
  const [first, ...rest] = readTar(bytes.subarray(0, -SEAL_BYTES))
  if (!first) throw damaged('it is empty')
  const metadata = parseJson(first.data)
  const format = (metadata as Partial<ArtifactMetadata> | undefined)?.format
  if (Number.isInteger(format) && format !== ARTIFACT_FORMAT) {
    throw new TvmNodeError(
      'ERR_ARTIFACT_VERSION',
      `${path} has artifact format ${format}; this version of tvm-node reads format ${ARTIFACT_FORMAT}. Compile the model again.`,
      { details: { path, format } },
    )
  }
  const fault = faultOf(metadata)
  if (fault !== undefined) throw damaged(fault)
  const members = Object.fromEntries(rest.map(({ name, data }) => [name, data]))
  const contents = { metadata: metadata as ArtifactMetadata, members }
  const odd = oddMember(contents)
  if (odd !== undefined) throw damaged(`its member '${odd}' is not what its metadata list`)
  return contents
}

/** Undefined for what is none. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) ?? undefined
  } catch {
    return undefined
  }
}

/** A member that is missing, not listed, or of another size; its sum needs no look behind the seal. */
function oddMember({ metadata, members }: ArtifactContents): string | undefined {
  const sizeOfListed = (name: string) =>
    Object.hasOwn(metadata.members, name) ? metadata.members[name]?.size : -1
  const names = new Set([...Object.keys(metadata.members), ...Object.keys(members)])
  return [...names].find(
    (name) => sizeOfListed(name) !== (Object.hasOwn(members, name) ? members[name]?.length : -2),
  )
}

/** What code runs on. */
export interface Processor {
  /** Node's name of its kind, such as `x64`. */
  readonly architecture: string
  /** LLVM's names of its instruction sets. */
  readonly features: readonly string[]
  /** For messages. */
  readonly where: string
}

/** Whether artifacts for an executor hold code that becomes a board's program. */
export function isForProgram(executor: ArtifactMetadata['executor']): boolean {
  return executor === 'aot' || executor === 'host'
}

/** What code needs of a processor. */
export interface CodeNeeds extends Omit<Processor, 'where'> {
  /** What it was compiled for, in TVM's notation. */
  readonly target: string
}

/** Refuses an artifact that a processor cannot run, before any of it runs. @throws `ERR_CPU_FEATURES` */
export function checkProcessor(
  { metadata: { cpuFeatures, executor, target }, members }: ArtifactContents,
  processor: Processor = {
    architecture: process.arch,
    features: native.cpuFeatures(),
    where: 'this machine',
  },
): void {
  if (isForProgram(executor)) {
    throw new TvmNodeError(
      'ERR_CPU_FEATURES',
      `this artifact is code for '${target}', from which a board's program is built; name the board, or compile for this machine`,
      { details: { target } },
    )
  }
  const architecture = architectureOf(members['lib.so'] ?? new Uint8Array())
  checkCode({ architecture, features: cpuFeatures, target }, processor)
}

/** Refuses code that a processor cannot run. @throws `ERR_CPU_FEATURES` */
export function checkCode({ architecture, features, target }: CodeNeeds, processor: Processor): void {
  const { where } = processor
  if (architecture !== processor.architecture) {
    throw new TvmNodeError(
      'ERR_CPU_FEATURES',
      `code for '${target}' needs a processor of type ${architecture}, ${where} has ${processor.architecture}; compile for another target`,
      { details: { architecture, target } },
    )
  }
  const present = new Set(processor.features)
  const missing = features.filter((feature) => !present.has(feature))
  if (missing.length === 0) return
  throw new TvmNodeError(
    'ERR_CPU_FEATURES',
    `the CPU of ${where} lacks ${missing.join(', ')}, which code for '${target}' needs; compile for another target`,
    { details: { missing, target } },
  )
}

/** ELF's numbers of processors (System V ABI, e_machine), by the names that Node has for them. */
const machines: Readonly<Record<number, string>> = {
  3: 'ia32',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
}

function architectureOf({ 18: low = 0, 19: high = 0 }: Uint8Array): string {
  const machine = low | (high << 8)
  return machines[machine] ?? `number ${machine}`
}

/** Reads in pieces, so that a large file does not hold up the event loop; the sum leaves out the seal. */
async function readHashed(path: string): Promise<{ bytes: Buffer; hash: Hash }> {
  const CHUNK = 1 << 20
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const bytes = Buffer.allocUnsafeSlow(size)
      const hash = createHash('sha256')
      const hashed = Math.max(0, size - SEAL_BYTES)
      for (let at = 0; at < size; ) {
        const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, size - at), at)
        if (bytesRead === 0) break
        if (at < hashed) hash.update(bytes.subarray(at, Math.min(at + bytesRead, hashed)))
        at += bytesRead
      }
      return { bytes, hash }
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new TvmNodeError('ERR_ARTIFACT_READ', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}
