import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('the entry for running exports the same objects as the whole package', () => {
  const code = `
    const run = await import('tvm-node/run')
    const all = await import('tvm-node')
    console.log(JSON.stringify(Object.keys(run).filter((name) => run[name] === all[name])))`
  const same = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  expect(JSON.parse(same)).toEqual([
    'TvmNodeError',
    'assembleValues',
    'errorCodes',
    'flattenValues',
    'isTvmNodeError',
    'load',
    'readNpz',
    'tensor',
    'writeNpz',
  ])
})
