// Builds the addon with node-gyp instead of CMake. node-gyp needs Python, and takes the headers that came with this
// Node where there are any; elsewhere it downloads them.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runScript } from './steps/run.mjs'

const prefix = dirname(dirname(process.execPath))
const hasHeaders = existsSync(join(prefix, 'include/node/common.gypi'))
if (!hasHeaders) console.error(`no headers beside ${process.execPath}: node-gyp will download them`)
runScript('node_modules/node-gyp/bin/node-gyp.js', [
  'rebuild',
  ...(hasHeaders ? [`--nodedir=${prefix}`] : []),
])
