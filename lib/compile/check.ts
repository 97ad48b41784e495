import { resolve } from 'node:path'
import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import type { AssumedDimension } from '../frontend/onnx/input-shapes.js'
import type { ModelProblem } from '../frontend/onnx/survey.js'
import type { Limits } from '../limits.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'
import { runInEngine } from '../process/engine.js'
import type { NamedTensors } from '../session/inputs.js'
import { isTensor, type Tensor } from '../tensor.js'
import { withModelFile } from './model-file.js'

/** What fixes the shapes that a model leaves open, and how long checking may take. */
export interface CheckOptions extends Limits {
  /** As for `compile`. */
  readonly shapes?: Readonly<Record<string, readonly number[] | null>>
  /** As for `compile`. */
  readonly constants?: NamedTensors
}

/** What `checkModel` finds. */
export interface ModelReport {
  /** Whether the model can be imported. */
  readonly ok: boolean
  /** One entry for each operator and reason, with all nodes that it holds for. */
  readonly problems: readonly ModelProblem[]
  /** Nodes looked at, with those of subgraphs and functions. */
  readonly nodes: number
  /** Of these, nodes looked up by name only, since they use results of nodes that cannot be imported. */
  readonly byName: number
  /** Open dimensions that were taken as 1. */
  readonly assumed: readonly AssumedDimension[]
}

export interface CheckRequest {
  readonly model: string
  readonly shapes: Readonly<Record<string, readonly number[] | null>>
  readonly constants: NamedTensors
}

const optionsSchema = optionSchema({
  shapes: z.record(z.string(), z.array(z.int().min(-1)).nullable()),
  constants: z.record(z.string(), z.custom<Tensor>(isTensor, 'must be a tensor')),
  ...limitOptions,
})

/**
 * Lists everything that keeps an ONNX model from being compiled, all at once, without compiling it: operators that are not known, forms
 * of known ones by their attributes and element types, inputs, operator sets, faults of the graph.
 *
 * @throws `ERR_INVALID_ARGUMENT`, `ERR_MODEL_READ`, `ERR_NOT_ONNX`, `ERR_MODEL_TRUNCATED`, `ERR_ENGINE_CRASHED`, `ERR_TIMEOUT`, `ERR_NO_BUNDLE`.
 */
export async function checkModel(
  model: string | Uint8Array,
  options: CheckOptions = {},
): Promise<ModelReport> {
  if (typeof model !== 'string' && !(model instanceof Uint8Array)) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `checkModel takes a path or bytes, got ${typeof model}`)
  }
  checkOptions(optionsSchema, options, 'checkModel')
  const { shapes = {}, constants = {}, signal, timeoutMs } = options
  signal?.throwIfAborted()
  const ask = (path: string) => {
    const request: CheckRequest = { model: path, shapes, constants }
    return runInEngine('check', request, { signal, timeoutMs }) as Promise<ModelReport>
  }
  return withModelFile(typeof model === 'string' ? resolve(model) : model, ask)
}
