import { mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import type { TaskContext } from '../process/protocol.js'
import { takeDescriptor } from '../process/socket-handle.js'
import {
  getGlobalFunc,
  loadModuleFromFile,
  type Module,
  openLibrary,
  registerFunc,
} from '../runtime/index.js'
import { linkedLibrary } from './link-upload.js'
import { DEAD_AFTER_S, SERVER_MAGIC, textFrame, word } from './protocol.js'

export type ServeCall =
  /** Opens the library, so that a client does not wait for it. */
  | { readonly type: 'prepare'; readonly libraries: readonly string[] }
  /** Greets the client and serves it until it leaves. */
  | {
      readonly type: 'serve'
      readonly serverKey: string
      /** An existing folder for the session's files. */
      readonly folder: string
      /** Bytes of all uploads together. */
      readonly maxUploadBytes: number
    }

/** The engine's side of a server: one process serves one session. Blocks the process: whoever waits for it may kill it. */
export function run(call: ServeCall, { socket }: TaskContext): void {
  if (call.type === 'prepare') {
    openLibrary({ kind: 'runtime' })
    for (const path of call.libraries) loadModuleFromFile(path)
    return
  }
  if (!socket) throw new TvmNodeError('ERR_CONNECTION', 'the client left before its session began')
  const descriptor = takeDescriptor(socket)
  native.noticeDeadPeers(DEAD_AFTER_S)
  process.chdir(call.folder)
  registerServerFunctions(call.folder, call.maxUploadBytes)
  writeSync(descriptor, Buffer.concat([word(SERVER_MAGIC), textFrame(`server:${call.serverKey}`)]))
  getGlobalFunc('rpc.ServerLoop')(descriptor)
}

/** Tells a client what this machine's processor can do, as JSON of a `Processor`. Servers of others do not have it. */
export const PROCESSOR_FUNCTION = 'tvm_node.server.processor'

/** What TVM expects of the frontend of a server (TVM v0.18, python/tvm/rpc/server.py, _server_env). */
function registerServerFunctions(folder: string, maxUploadBytes: number): void {
  // As if the folder were the root of all: no name leads out of it.
  const place = (name: string) => join(folder, normalize(`/${name}`))
  const override = { override: true }
  let uploaded = 0
  registerFunc('tvm.rpc.server.workpath', place, override)
  registerFunc(
    PROCESSOR_FUNCTION,
    () => JSON.stringify({ architecture: process.arch, features: native.cpuFeatures() }),
    override,
  )
  registerFunc(
    'tvm.rpc.server.upload',
    (name: string, bytes: Uint8Array) => {
      uploaded += bytes.byteLength
      if (uploaded > maxUploadBytes) throw new Error(`uploads exceed the server's ${maxUploadBytes} bytes`)
      const path = place(name)
      mkdirSync(dirname(path), { recursive: true })
      // A library of that name may be in use: it keeps the old file.
      rmSync(path, { force: true })
      writeFileSync(path, bytes)
    },
    override,
  )
  registerFunc(
    'tvm.rpc.server.load_module',
    (name: string): Module => loadModuleFromFile(linkedLibrary(place(name))),
    override,
  )
  registerFunc(
    'tvm.rpc.server.download_linked_module',
    (name: string) => new Uint8Array(readFileSync(linkedLibrary(place(name)))),
    override,
  )
}
