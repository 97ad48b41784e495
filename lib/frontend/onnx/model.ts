import { dirname } from 'node:path'
import { TvmNodeError } from '../../errors.js'
import { externalReader } from './external-data.js'
import { readFile } from './read-file.js'
import { type GraphProto, type ModelProto, message } from './schema.js'
import type { ReadExternal } from './tensor-proto.js'

/** A model as read, and the way to the data it keeps elsewhere. */
export interface OnnxModel {
  readonly proto: ModelProto
  readonly graph: GraphProto
  readonly readExternal: ReadExternal
  /** Locations of the files read so far, relative to the model's folder. */
  readonly external: ReadonlySet<string>
}

/**
 * Reads an ONNX model from a file or from its bytes.
 *
 * @throws `ERR_MODEL_READ`, `ERR_NOT_ONNX`, `ERR_MODEL_TRUNCATED`.
 */
export function readModel(source: string | Uint8Array): OnnxModel {
  const path = typeof source === 'string' ? source : undefined
  const bytes = typeof source === 'string' ? readFile(source) : source
  const proto = decodeModel(bytes, path ?? 'the model')
  const external = new Set<string>()
  const folder = path === undefined ? undefined : dirname(path)
  return {
    proto,
    graph: proto.graph as GraphProto,
    readExternal: externalReader(folder, (location) => external.add(location)),
    external,
  }
}

/** `ModelProto` starts with its version, field 1, a small integer; exporters write fields in this order. */
const FIRST_BYTE = 0x08

function decodeModel(bytes: Uint8Array, name: string): ModelProto {
  const details = { bytes: bytes.byteLength }
  const begins = bytes[0] === FIRST_BYTE
  let proto: ModelProto
  try {
    // A Buffer makes byte fields views instead of copies.
    proto = message('ModelProto').decode(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ) as unknown as ModelProto
  } catch (cause) {
    if (begins) {
      throw new TvmNodeError(
        'ERR_MODEL_TRUNCATED',
        `${name} is cut short or damaged: ${(cause as Error).message}`,
        { cause, details },
      )
    }
    throw new TvmNodeError('ERR_NOT_ONNX', `${name} is not an ONNX model`, { cause, details })
  }
  if (proto.graph && proto.opsetImport.length > 0) return proto
  if (begins && proto.irVersion) {
    const missing = proto.graph ? 'operator set' : 'graph'
    throw new TvmNodeError('ERR_MODEL_TRUNCATED', `${name} has no ${missing}: it is cut short or damaged`, {
      details,
    })
  }
  throw new TvmNodeError('ERR_NOT_ONNX', `${name} is not an ONNX model`, { details })
}
