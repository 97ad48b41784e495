import { beforeAll, describe, test } from 'vitest'
import { openLibrary } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'
import { type Attribute, onnxModel } from './onnx-writer.js'
import { expectClose, runHere, runReference, type Tensors } from './run-onnx.js'

/** A node by itself. */
export interface Case {
  readonly op: string
  /** Default: `ai.onnx`. */
  readonly domain?: string
  /** The versions of `ai.onnx` at which this form of the operator is tried. */
  readonly opsets: readonly number[]
  /** Values given when the model runs. */
  readonly feeds: Tensors
  /** Values stored in the model. */
  readonly stored?: Tensors
  /** Input names in order; default: feeds, then stored ones. An empty name leaves an input out. */
  readonly order?: readonly string[]
  readonly attrs?: Readonly<Record<string, Attribute>>
  readonly outputs?: number
  /** How far results may differ; see `expectClose`. */
  readonly tolerance?: { readonly rtol?: number; readonly atol?: number }
}

/** The model of a case, with outputs `y0`, `y1`... */
export function modelOf(
  { op, domain, feeds, stored = {}, order, attrs = {}, outputs = 1 }: Case,
  opset: number,
): Uint8Array {
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`)
  const inputs = order ?? [...Object.keys(feeds), ...Object.keys(stored)]
  return onnxModel({
    opset,
    ...(domain ? { domains: { [domain]: domain === 'com.microsoft' ? 1 : 3 } } : {}),
    nodes: [{ op, inputs, outputs: names, attrs, ...(domain ? { domain } : {}) }],
    inputs: Object.fromEntries(
      Object.entries(feeds).map(([name, { dtype, shape }]: [string, Tensor]) => [name, { dtype, shape }]),
    ),
    outputs: names,
    initializers: stored,
  })
}

const rows = (cases: readonly Case[]) =>
  cases.flatMap((each, i) =>
    each.opsets.map(
      (opset) => [`${i}: ${each.op}-${opset} ${JSON.stringify(each.attrs ?? {})}`, opset, each] as const,
    ),
  )

/** Tests that compare every case with ONNX Runtime. */
export function describeFamilies(families: Readonly<Record<string, readonly Case[]>>): void {
  beforeAll(() => {
    openLibrary()
  })
  describe.each(Object.entries(families))('%s', (_family, cases) => {
    test.each(rows(cases))('%s agrees with ONNX Runtime', async (_name, opset, each) => {
      const model = modelOf(each, opset)
      expectClose(runHere(model, each.feeds), await runReference(model, each.feeds), each.tolerance)
    })
  })
}
