// How much of modules is executed, as V8 counts it.
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'

/** Counts from now on: to be called before the modules are loaded. Returns what tells of each, by its path in dist/, how many percent of its characters were executed. */
export function startCoverage() {
  const session = new Session()
  session.connect()
  const post = (method, params) => {
    let result
    session.post(method, params, (error, value) => {
      if (error) throw new Error(`${method}: ${error.message}`)
      result = value
    })
    return result
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  return (modules) => {
    const { result } = post('Profiler.takePreciseCoverage')
    return Object.fromEntries(
      modules.map((name) => {
        const found = result.find(({ url }) => url.endsWith(`/dist/${name}`))
        return [name, found ? percentOf(found) : 0]
      }),
    )
  }
}

function percentOf({ url, functions }) {
  const executed = new Uint8Array(readFileSync(fileURLToPath(url), 'utf8').length)
  // Inner ranges come after those that they are in.
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges)
      executed.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  const characters = executed.reduce((sum, each) => sum + each, 0)
  return Math.round((1000 * characters) / executed.length) / 10
}
