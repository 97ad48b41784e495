import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runScript } from './run.mjs'
import { filesBelow, hashFiles, Stamp } from './stamp.mjs'

const stamp = new Stamp('build/addon.stamp')
const standIns = ['libOpenCL.so.1', 'libnoblas.so', 'libgomp.so.1'].map((name) => `stand-ins/${name}`)
const outputs = ['tvm_node.node', ...standIns].map((name) => `build/Release/${name}`)

/** Builds the addon with CMake, unless nothing changed since. The headers are packages: nothing is downloaded. */
export function buildAddon() {
  const inputs = [...filesBelow('native'), 'CMakeLists.txt']
  const versions = ['node-addon-api', 'node-api-headers'].map((name) => `node_modules/${name}/package.json`)
  const hash = hashFiles([...inputs, ...versions], process.arch)
  if (stamp.matches(hash) && outputs.every((path) => existsSync(join(root, path)))) return
  console.error('Building the addon')
  if (isMoved()) rmSync(join(root, 'build'), { recursive: true })
  runScript('node_modules/cmake-js/bin/cmake-js', ['build', '--parallel', '2', '--log-level', 'warn'])
  stamp.write(hash)
}

/** CMake refuses a build folder that was copied from another place. */
function isMoved() {
  const cache = join(root, 'build/CMakeCache.txt')
  if (!existsSync(cache)) return false
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  return home === undefined || join(home, '/') !== join(root, '/')
}
