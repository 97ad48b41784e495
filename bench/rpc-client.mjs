// The client of this package's library, in a process of its own. Usage: rpc-client.mjs HOST PORT KEY CALLS MEGABYTES
import { getGlobalFunc, openLibrary } from '../dist/runtime/index.js'

const [host, port, key, calls, megabytes] = process.argv.slice(2)
openLibrary({ kind: 'runtime' })
const session = getGlobalFunc('rpc.Connect')(host, Number(port), key, false)
const call = session.getFunction('runtime.GetDeviceAttr')
call(1, 0, 0)
let begin = performance.now()
for (let i = 0; i < Number(calls); i++) call(1, 0, 0)
const callUs = ((performance.now() - begin) / Number(calls)) * 1000
const data = new Uint8Array(Number(megabytes) * 1e6)
const upload = session.getFunction('tvm.rpc.server.upload')
begin = performance.now()
upload('data', data)
const rate = Number(megabytes) / ((performance.now() - begin) / 1000)
console.log(JSON.stringify({ call_us: callUs, upload_mb_s: rate }))
session.getFunction('CloseRPCConnection')()
