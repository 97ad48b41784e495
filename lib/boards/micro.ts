import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Firmware } from '../micro/firmware.js'
import { type MicroBoard, startProgram } from '../micro/micro-board.js'
import { buildNetworkProgram } from '../micro/network-program.js'
import type { Platform } from '../micro/platform.js'
import { findSerialPort } from '../micro/serial-port.js'
import { findCompiler } from '../micro/toolchain.js'
import { findTools, toolsOf } from '../micro/tools.js'
import { makePrivateFolder, removePrivateFolder } from '../private-folders.js'
import { RemoteSession } from '../rpc/remote-session.js'
import { type ArtifactContents, readArtifact } from '../session/artifact.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'
import type { Availability, BoardAdapter } from './adapter.js'
import type { Board } from './board.js'

/** What a board's programs are built for. @throws `ERR_NOT_AVAILABLE` for boards of a template project */
export function platformOf({ name, micro }: Board): Platform {
  if (!micro?.firmware) throw unavailable(name, 'is built by a template project')
  const { flash, ram, stack_bytes: stackBytes, ...rest } = micro.firmware
  const { aot } = micro
  const hooks = aot && (aot.prologue || aot.epilogue) ? aot : undefined
  return {
    ...rest,
    ...{ flash: flash ?? undefined, ram: ram ?? undefined, stackBytes },
    ...(hooks && { hooks: { includes: hooks.includes, prologue: hooks.prologue, epilogue: hooks.epilogue } }),
    workspaceBytes: aot?.workspace_bytes,
  }
}

/** @throws as `platformOf`, and for boards that have neither a simulator nor a serial port */
export function microBoardOf(board: Board): MicroBoard {
  const { name, micro } = board
  const platform = platformOf(board)
  if (micro?.simulator) return { name, platform, start: { kind: 'simulator', command: micro.simulator } }
  if (!micro?.serial) throw unavailable(name, 'has neither a simulator nor a serial port')
  const { path, serial_number, vendor_id, product_id, baud, flash, reset } = micro.serial
  const port = { path, serialNumber: serial_number, vendorId: vendor_id, productId: product_id }
  return { name, platform, start: { kind: 'connected', port, baud, flash, reset: reset ?? undefined } }
}

function unavailable(board: string, why: string): TvmNodeError {
  return new TvmNodeError(
    'ERR_NOT_AVAILABLE',
    `board '${board}' ${why}, which this version does not support`,
    { details: { board } },
  )
}

/**
 * Boards without an operating system: an artifact becomes a program with the board runtime, which is started in a simulator or on
 * hardware and spoken to in a micro session.
 */
export class MicroAdapter implements BoardAdapter {
  private readonly board: MicroBoard
  private folder: string | undefined
  private session: RemoteSession | undefined
  private built: { readonly sum: string; readonly firmware: Firmware } | undefined

  /** @throws `ERR_NOT_AVAILABLE` for boards of a template project, and for those without simulator and serial port */
  constructor(board: Board) {
    this.board = microBoardOf(board)
  }

  async available({ signal }: Limits): Promise<Availability> {
    try {
      await this.setup()
      return { available: true }
    } catch (error) {
      signal?.throwIfAborted()
      return { available: false, busy: false, reason: (error as Error).message }
    }
  }

  /** Looks for compiler and simulator or serial port. @throws `ERR_NO_C_COMPILER`, `ERR_NO_SIMULATOR`, `ERR_BOARD` */
  async setup(): Promise<void> {
    const { name, platform, start } = this.board
    const { compiler } = platform
    await findCompiler(compiler)
    if (start.kind === 'connected') {
      findSerialPort(start.port)
      return
    }
    const tools = await findTools(toolsOf([{ name, compiler, simulator: start.command }]))
    const missing = tools.find(({ problem }) => problem)
    if (!missing) return
    const { command, problem, install } = missing
    throw new TvmNodeError('ERR_NO_SIMULATOR', `${command}: ${problem}; ${install}`, {
      details: { command, install },
    })
  }

  async upload(artifact: ArtifactSource, limits: Limits): Promise<Session> {
    const path = typeof artifact === 'string' ? artifact : artifact.path
    const { image } = await this.build(await readArtifact(path), limits)
    // A board has one program at a time.
    await this.session?.dispose()
    const line = await startProgram(this.board, image, limits.signal)
    this.session = await RemoteSession.attach(`board '${this.board.name}'`, line, limits)
    return this.session.load(artifact, limits)
  }

  /** The program is started again with the next upload. */
  async reset(): Promise<void> {
    const { session } = this
    this.session = undefined
    await session?.dispose()
  }

  async disconnect(): Promise<void> {
    await this.reset()
    const { folder } = this
    this.folder = undefined
    this.built = undefined
    if (folder !== undefined) await removePrivateFolder(folder)
  }

  /** A program that was built for the same code serves again. */
  private async build(contents: ArtifactContents, { signal }: Limits): Promise<Firmware> {
    const sum = JSON.stringify(contents.metadata.members)
    if (this.built?.sum === sum) return this.built.firmware
    this.folder ??= await makePrivateFolder()
    const folder = await mkdtemp(join(this.folder, 'program-'))
    const firmware = await buildNetworkProgram(contents, this.board, folder, signal)
    this.built = { sum, firmware }
    return firmware
  }
}
