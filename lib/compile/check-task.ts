import { surveyModel } from '../frontend/onnx/import.js'
import { openLibrary } from '../runtime/index.js'
import type { CheckRequest, ModelReport } from './check.js'

/** The engine's side of `checkModel`. */
export function run({ model, shapes, constants }: CheckRequest): ModelReport {
  openLibrary({ kind: 'compiler' })
  const survey = surveyModel(model, { shapes, constants, open: 'needed' })
  return { ok: survey.problems.length === 0, ...survey }
}
