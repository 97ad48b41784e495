// Puts the TVM libraries into the per-user cache. Options: --from DIR (archives at hand), --verify (sums of everything).
import { parseArgs } from 'node:util'
import { compileTypeScript } from './steps/typescript.mjs'

const { values } = parseArgs({
  options: { from: { type: 'string' }, verify: { type: 'boolean', default: false } },
})
compileTypeScript()
const { installBundle } = await import('../dist/bundle/install.js')
try {
  const dir = await installBundle({ ...values, onMessage: (line) => console.error(line) })
  console.log(dir)
} catch (error) {
  console.error(`${error.code ?? 'error'}: ${error.message}`)
  process.exitCode = 1
}
