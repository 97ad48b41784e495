import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { TvmNodeError } from '../../errors.js'
import type { NestedTensor } from '../../session/structure.js'
import { externalReader } from './external-data.js'
import { readModel } from './model.js'
import { readFile } from './read-file.js'
import {
  message,
  type OptionalProto,
  type SequenceProto,
  type TensorProto,
  type TypeProto,
} from './schema.js'
import { type ReadExternal, readTensor } from './tensor-proto.js'

/** One data set of ONNX's backend tests: values by the model's input and output names. */
export interface TestDataSet {
  readonly name: string
  readonly inputs: Readonly<Record<string, NestedTensor>>
  readonly outputs: Readonly<Record<string, NestedTensor>>
}

/**
 * Reads the `test_data_set_*` folders beside a model: `input_K.pb` and `output_K.pb` belong to the model's K-th input and
 * output, initializers not counted.
 *
 * @throws `ERR_MODEL_READ` when a folder or file cannot be read or decoded.
 */
export function readTestDataSets(folder: string): TestDataSet[] {
  const { graph } = readModel(join(folder, 'model.onnx'))
  const initialized = new Set(graph.initializer.map(({ name }) => name))
  const inputs = graph.input.filter(({ name }) => !initialized.has(name))
  return list(folder)
    .filter((name) => name.startsWith('test_data_set_'))
    .sort()
    .map((name) => ({
      name,
      inputs: readValues(join(folder, name), 'input', inputs),
      outputs: readValues(join(folder, name), 'output', graph.output),
    }))
}

type Declared = { readonly name: string; readonly type?: TypeProto }

function readValues(
  folder: string,
  kind: 'input' | 'output',
  declared: readonly Declared[],
): Record<string, NestedTensor> {
  const files = new Set(list(folder))
  const values: Record<string, NestedTensor> = {}
  for (const [i, { name, type }] of declared.entries()) {
    const file = `${kind}_${i}.pb`
    if (files.has(file)) values[name] = readValue(join(folder, file), type)
  }
  return values
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot read ${folder}: ${(cause as Error).message}`, {
      cause,
      details: { path: folder },
    })
  }
}

function readValue(path: string, type: TypeProto | undefined): NestedTensor {
  const bytes = Buffer.from(readFile(path))
  const external = externalReader(undefined)
  try {
    if (type?.sequenceType)
      return sequence(message('SequenceProto').decode(bytes) as unknown as SequenceProto, external)
    if (type?.optionalType)
      return optional(message('OptionalProto').decode(bytes) as unknown as OptionalProto, external)
    return readTensor(message('TensorProto').decode(bytes) as unknown as TensorProto, external)
  } catch (cause) {
    throw new TvmNodeError('ERR_MODEL_READ', `cannot decode ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}

function sequence(proto: SequenceProto, external: ReadExternal): NestedTensor {
  return [
    ...proto.tensorValues.map((value) => readTensor(value, external)),
    ...proto.sequenceValues.map((value) => sequence(value, external)),
    ...proto.optionalValues.map((value) => optional(value, external)),
  ]
}

function optional(proto: OptionalProto, external: ReadExternal): NestedTensor {
  if (proto.tensorValue) return readTensor(proto.tensorValue, external)
  if (proto.sequenceValue) return sequence(proto.sequenceValue, external)
  return proto.optionalValue ? optional(proto.optionalValue, external) : null
}
