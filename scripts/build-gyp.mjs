// Builds the addon with node-gyp instead of CMake. node-gyp needs Python, and takes the headers that came with this
// Node where there are any; elsewhere it downloads them.
import { nodeHeaders } from './steps/node-headers.mjs'
import { runScript } from './steps/run.mjs'

const headers = nodeHeaders()
if (!headers) console.error(`no headers beside ${process.execPath}: node-gyp will download them`)
runScript('node_modules/node-gyp/bin/node-gyp.js', ['rebuild', ...(headers ? [`--nodedir=${headers}`] : [])])
