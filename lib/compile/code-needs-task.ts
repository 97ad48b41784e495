import { target as makeTarget } from '../ir/target.js'
import { openLibrary } from '../runtime/index.js'
import type { CodeNeeds } from '../session/artifact.js'

/** The engine's side of `codeNeeds`. */
export function run({ target }: { readonly target: string }): CodeNeeds {
  openLibrary({ kind: 'compiler' })
  const made = makeTarget(target)
  return { architecture: made.architecture, features: made.cpuFeatures, target }
}
