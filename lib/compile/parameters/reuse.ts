import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isTvmNodeError } from '../../errors.js'
import type { OnnxModel } from '../../frontend/onnx/model.js'
import { structureHash } from '../../frontend/onnx/structure.js'
import { readTensor } from '../../frontend/onnx/tensor-proto.js'
import type { IRModule } from '../../ir/module.js'
import { getGlobalFunc, type NDArray, type TvmMap } from '../../runtime/index.js'
import {
  type ArtifactContents,
  type ArtifactMetadata,
  type ArtifactPieces,
  readArtifact,
} from '../../session/artifact.js'
import { parameterPieces } from '../../session/parameters.js'
import { graphConstants, graphKey, type ParameterProgram, type RecordedProgram } from './program.js'
import { replay } from './replay.js'

/** Members of an artifact that say how its parameters derive from the weights of its model. */
const PROGRAM = 'parameters.json'
const LITERALS = 'literals.bin'

/** What decides whether code may be used again. */
export interface ReuseKey {
  /** Of the model: see `structureHash`. */
  readonly structure: string
  /** Digest of everything else that a build depends on. */
  readonly settings: string
}

/**
 * The key of a build; undefined for models whose weights cannot be told from the rest.
 *
 * @param settings - Plain data and tensors.
 * @param files - Paths of files whose contents count.
 */
export async function reuseKey(
  model: OnnxModel,
  settings: object,
  files: readonly string[],
): Promise<ReuseKey | undefined> {
  const structure = structureHash(model)
  if (structure === undefined) return undefined
  const bytes = (_key: string, value: unknown) =>
    ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : typeof value === 'bigint'
        ? String(value)
        : value
  const hash = createHash('sha256').update(JSON.stringify(settings, bytes))
  for (const path of files) hash.update(`\0${path}\0`).update(await readFile(path))
  return { structure, settings: hash.digest('hex') }
}

export function programMembers(recorded: RecordedProgram | undefined): ArtifactPieces {
  if (!recorded) return {}
  return {
    [PROGRAM]: [Buffer.from(JSON.stringify(recorded.program))],
    [LITERALS]: parameterPieces(recorded.literals),
  }
}

function loadParams(blob: Uint8Array): Map<string, NDArray> {
  return new Map((getGlobalFunc('runtime.LoadParams')(blob) as unknown as TvmMap<string, NDArray>).entries())
}

/** An artifact of the same graph, whose code may serve for other weights. */
export class Reusable {
  private constructor(
    private readonly contents: ArtifactContents,
    private readonly program: ParameterProgram,
  ) {}

  /** Undefined where the artifact cannot be read or belongs to another graph, target or setting. */
  static async open(path: string | undefined, key: ReuseKey | undefined): Promise<Reusable | undefined> {
    if (path === undefined || !key) return undefined
    try {
      const contents = await readArtifact(path)
      const written = contents.members[PROGRAM]
      if (!written) return undefined
      const program = JSON.parse(Buffer.from(written).toString('utf8')) as ParameterProgram
      const same = program.structure === key.structure && program.settings === key.settings
      return same ? new Reusable(contents, program) : undefined
    } catch (error) {
      // Without it everything is built.
      if (isTvmNodeError(error)) return undefined
      throw error
    }
  }

  get metadata(): ArtifactMetadata {
    return this.contents.metadata
  }

  /** The members for a model's weights, computed by what folded the first ones; undefined where the structure would be another. */
  derive({ graph, readExternal }: OnnxModel): ArtifactPieces | undefined {
    const initializers = new Map(graph.initializer.map((proto) => [proto.name, proto]))
    const params = replay(this.program.derivation, loadParams(this.member(LITERALS)), (name) => {
      const proto = initializers.get(name)
      return proto && readTensor(proto, readExternal)
    })
    return params && this.withParams(params)
  }

  /** The members with the constants of an optimised graph; undefined where it is another graph. */
  adopt(mod: IRModule): ArtifactPieces | undefined {
    if (graphKey(mod) !== this.program.graph) return undefined
    const constants = graphConstants(mod)
    const params = new Map<string, NDArray>()
    for (const [name, [first, ...others]] of Object.entries(this.program.places)) {
      const array = constants[first as number] as NDArray
      if (others.some((i) => !equalBytes(array, constants[i] as NDArray))) return undefined
      params.set(name, array)
    }
    return this.withParams(params)
  }

  private withParams(params: ReadonlyMap<string, NDArray>): ArtifactPieces {
    const names = Object.keys(this.program.places)
    const kept = names.every((name) => params.has(name)) ? undefined : loadParams(this.member('params.bin'))
    const all = names.map((name) => [name, (params.get(name) ?? kept?.get(name)) as NDArray] as const)
    const { members, metadata } = this.contents
    const own = Object.keys(metadata.members).map((name) => [name, [members[name] as Uint8Array]])
    return { ...Object.fromEntries(own), 'params.bin': parameterPieces(new Map(all)) }
  }

  private member(name: string): Uint8Array {
    return this.contents.members[name] as Uint8Array
  }
}

function equalBytes(a: NDArray, b: NDArray): boolean {
  const bytes = (array: NDArray) => {
    const { data } = array.toTensor()
    return ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.alloc(0)
  }
  return bytes(a).equals(bytes(b))
}
