import { openLibrary } from '../runtime/index.js'
import type { FunctionSearchRequest, SearchedFunction } from './function-tuner.js'
import { GuidedSearch, type Predict, type ProgramSpace } from './guided-search.js'

export type SearchSettings = Extract<FunctionSearchRequest<unknown>, { type: 'open' }>

/**
 * The engine's side of a search: opened once, then asked for what to try next.
 *
 * @param width - Numbers that describe a store of a program.
 * @param open - The programs that a function may have.
 */
export function functionSearch<Candidate>(
  width: number,
  open: (
    searched: SearchedFunction,
    settings: SearchSettings,
    predict: Predict,
    seed: number,
  ) => ProgramSpace<Candidate>,
): (request: FunctionSearchRequest<Candidate>) => Candidate[] {
  let search: GuidedSearch<Candidate> | undefined
  return (request) => {
    if (request.type === 'propose') {
      if (!search) throw new Error('the search is not open')
      return search.propose(request.key, request.count, request.measured)
    }
    openLibrary({ kind: 'compiler' })
    const functions = new Map(request.functions.map((each) => [each.key, each]))
    search = new GuidedSearch({
      mode: request.mode,
      seed: request.seed,
      width,
      open(key, predict, seed) {
        const found = functions.get(key)
        if (!found) throw new Error(`the workload ${key} is not registered`)
        return open(found, request, predict, seed)
      },
    })
    return []
  }
}
