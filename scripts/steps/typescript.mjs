import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runScript } from './run.mjs'
import { filesBelow, hashFiles, Stamp } from './stamp.mjs'

const stamp = new Stamp('dist/.stamp')

/** Compiles `lib/` to `dist/`, unless nothing changed since; what has no source any more is removed. */
export function compileTypeScript() {
  const hash = hashFiles([...filesBelow('lib'), 'tsconfig.json', 'package-lock.json'])
  if (stamp.matches(hash)) return
  removeOrphans()
  runScript('node_modules/typescript/bin/tsc', ['-p', '.'])
  stamp.write(hash)
}

function removeOrphans() {
  if (!existsSync(join(root, 'dist'))) return
  for (const path of filesBelow('dist')) {
    const stem = /^dist\/(.*?)(?:\.d\.ts|\.js)$/.exec(path)?.[1]
    if (stem && !existsSync(join(root, 'lib', `${stem}.ts`))) rmSync(join(root, path))
  }
}
