import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { connectBoard } from '../micro/connect.js'
import { HostedGraph } from '../micro/hosted-graph.js'
import { type LineDescription, type OpenLine, openLine } from '../micro/line.js'
import { RemoteProgram } from '../micro/remote-program.js'
import { native } from '../native.js'
import {
  getGlobalFunc,
  type Module,
  openLibrary,
  type Timing,
  type TvmArg,
  type TvmValue,
} from '../runtime/index.js'
import {
  type ArtifactContents,
  type ArtifactMetadata,
  type CodeNeeds,
  checkCode,
  checkProcessor,
  isForProgram,
  type Processor,
  readArtifact,
} from '../session/artifact.js'
import type { Ran } from '../session/engine-task.js'
import { engineChannel, Inbox, Outbox, type Parcel } from '../session/shared-tensors.js'
import { type Address, formatAddress } from './address.js'
import { type KernelArgument, timeKernel, timeOwnKernel } from './board-timing.js'
import { DEAD_AFTER_S } from './protocol.js'
import { remoteError } from './remote-error.js'
import type { RemoteExecutor } from './remote-executor.js'
import { need } from './remote-function.js'
import { RemoteGraph } from './remote-graph.js'
import { PROCESSOR_FUNCTION } from './serve-task.js'

export type RemoteCall =
  | {
      readonly type: 'connect'
      readonly address: Address
      readonly key: string
      /** Seconds after which the server ends the session. */
      readonly seconds?: number | undefined
    }
  | { readonly type: 'attach'; readonly line: LineDescription }
  | { readonly type: 'upload'; readonly path: string; readonly name?: string | undefined }
  | { readonly type: 'download'; readonly name: string; readonly linked: boolean }
  | { readonly type: 'remove'; readonly name: string }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly TvmArg[] }
  | {
      readonly type: 'open'
      readonly path: string
      /** The board's; default what its server says. */
      readonly processor?: Processor | undefined
    }
  | { readonly type: 'run'; readonly id: number; readonly inputs: Parcel }
  | {
      readonly type: 'profile'
      readonly id: number
      readonly inputs: Parcel
      readonly repeat: number
    }
  | { readonly type: 'usage'; readonly id: number }
  | { readonly type: 'unload'; readonly id: number }
  /** Refuses code that the board's processor cannot run, where its server tells. */
  | { readonly type: 'check'; readonly code: CodeNeeds }
  | {
      readonly type: 'time'
      /** Of a library with one kernel; undefined where the board's program has it. */
      readonly path: string | undefined
      readonly args: readonly KernelArgument[]
      readonly timing: Timing
    }
  | { readonly type: 'close' }

export interface RemoteOpened {
  readonly id: number
  readonly metadata: ArtifactMetadata
}

interface Opened {
  readonly executor: RemoteExecutor
  readonly inbox: Inbox
  readonly outbox: Outbox
}

/** An engine has one session at a time. */
let session: Module | undefined
/** Of a session with a board without an operating system. */
let line: OpenLine | undefined
const networks = new Map<number, Opened>()
const libraries = new Map<string, Module>()
let nextId = 1
let where = ''

/** The engine's side of a `RemoteSession`. Blocks its process: whoever waits for it may kill it. */
export async function run(call: RemoteCall): Promise<unknown> {
  try {
    if (call.type === 'open') return await open(call.path, call.processor)
    return perform(call)
  } catch (error) {
    throw remoteError(error, where)
  }
}

function perform(call: Exclude<RemoteCall, { type: 'open' }>): unknown {
  switch (call.type) {
    case 'connect':
      return connect(call.address, call.key, call.seconds)
    case 'attach':
      return attach(call.line)
    case 'upload':
      need(current(), 'tvm.rpc.server.upload')(call.name ?? basename(call.path), readBytes(call.path))
      return undefined
    case 'download': {
      const name = call.linked ? 'tvm.rpc.server.download_linked_module' : 'tvm.rpc.server.download'
      return need(current(), name)(call.name)
    }
    case 'remove':
      need(current(), 'tvm.rpc.server.remove')(call.name)
      return undefined
    case 'call': {
      using func = need(current(), call.name)
      return plain(func(...call.args))
    }
    case 'run':
    case 'profile':
      return runNetwork(call)
    case 'usage':
      return network(call.id).executor.usage()
    case 'unload':
      return unload(call.id)
    case 'check': {
      const processor = askProcessor()
      return processor && checkCode(call.code, processor)
    }
    case 'time': {
      const { path, args, timing } = call
      if (path === undefined) return timeOwnKernel(current(), args, timing)
      return timeKernel(current(), { path, bytes: readBytes(path) }, args, timing)
    }
    case 'close':
      return close()
  }
}

function connect(address: Address, key: string, seconds: number | undefined): void {
  close()
  where = formatAddress(address)
  openLibrary({ kind: 'runtime' })
  // The library takes whole seconds where the server is C++.
  const full = seconds === undefined ? key : `${key} -timeout=${Math.ceil(seconds)}`
  session = getGlobalFunc('rpc.Connect')(address.host, address.port, full, false) as Module
  native.noticeDeadPeers(DEAD_AFTER_S)
}

function attach(description: LineDescription): void {
  close()
  where = 'the board'
  openLibrary({ kind: 'runtime' })
  line = openLine(description)
  try {
    session = connectBoard(line)
  } catch (error) {
    close()
    throw error
  }
}

function current(): Module {
  if (session) return session
  throw new Error('this engine has no session')
}

function network(id: number): Opened {
  const opened = networks.get(id)
  if (opened) return opened
  throw new Error('this session has no network')
}

function readBytes(path: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = readFileSync(path)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

async function open(path: string, known: Processor | undefined): Promise<RemoteOpened> {
  const contents = await readArtifact(path)
  const processor = known ?? askProcessor()
  const { executor: kind, inputs, outputs } = contents.metadata
  if (processor && !isForProgram(kind)) checkProcessor(contents, processor)
  const executor = openExecutor(contents)
  const inbox = new Inbox(engineChannel.there, inputs)
  const outbox = new Outbox(engineChannel.back, outputs)
  const id = nextId++
  networks.set(id, { executor, inbox, outbox })
  return { id, metadata: contents.metadata }
}

function openExecutor(contents: ArtifactContents): RemoteExecutor {
  const { metadata } = contents
  if (metadata.executor === 'aot') return RemoteProgram.open(current(), metadata)
  if (metadata.executor === 'host') return HostedGraph.open(current(), contents)
  return RemoteGraph.open(current(), contents, libraries)
}

/** The board's processor; undefined where the server does not tell. */
function askProcessor(): Processor | undefined {
  try {
    using ask = current().getFunction(PROCESSOR_FUNCTION)
    const answer = ask && JSON.parse(String(ask()))
    return answer && { ...answer, where: `the board at ${where}` }
  } catch {
    return undefined
  }
}

function runNetwork(call: Extract<RemoteCall, { type: 'run' | 'profile' }>): Ran {
  const { executor, inbox, outbox } = network(call.id)
  const inputs = inbox.inPlace(call.inputs)
  if (call.type === 'run') return { outputs: outbox.put(executor.run(inputs)), report: undefined }
  const { outputs, ...report } = executor.profile(inputs, call.repeat)
  return { outputs: outbox.put(outputs), report }
}

function unload(id: number): void {
  const opened = networks.get(id)
  networks.delete(id)
  opened?.executor.dispose()
}

function close(): void {
  for (const id of networks.keys()) unload(id)
  for (const library of libraries.values()) library.dispose()
  libraries.clear()
  try {
    session?.getFunction('CloseRPCConnection')?.()
  } finally {
    session?.dispose()
    session = undefined
    line?.close()
    line = undefined
  }
}

/** Values that can go to another process. */
function plain(value: TvmValue): unknown {
  return value === null || typeof value !== 'object' || value instanceof Uint8Array ? value : undefined
}
