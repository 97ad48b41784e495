import { readModel } from '../frontend/onnx/model.js'
import { structureHash } from '../frontend/onnx/structure.js'

/** The hash of a model's structure, in an engine, since reading a large model takes its time. */
export function run({ model }: { readonly model: string }): string | undefined {
  return structureHash(readModel(model))
}
