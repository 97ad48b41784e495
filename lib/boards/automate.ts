import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import type { BoardModel } from '../automate/board-model.js'
import { compilerFor, cxxOf } from '../automate/compiler-model.js'
import { type Described, type Metadata, readMetadata } from '../automate/metadata.js'
import { type AutomateSettings, readSettings } from '../automate/settings.js'
import type { UserModel } from '../automate/user-model.js'
import { TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'
import type { Prompt } from '../ssh/authentication.js'
import type { SshHost } from '../ssh/connection.js'
import type { BoardInput } from './board.js'
import type { BoardHost } from './board-host.js'
import type { LockDatabaseSettings } from './lock-database.js'

interface Site extends Metadata {
  readonly settings: AutomateSettings
}

/** Milliseconds for which what was read is taken for what the files say: a list of boards asks for each. */
const FRESH = 3000
let kept: { readonly key: string; readonly time: number; readonly site: Site | undefined } | undefined

/** What automate knows on this machine; undefined where it has no settings. @throws `ERR_CONFIG` */
export function automateSite(): Site | undefined {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith('AUTOMATE_'))
  const key = JSON.stringify([homedir(), own])
  if (kept?.key === key && performance.now() - kept.time < FRESH) return kept.site
  const settings = readSettings()
  const site = settings && { settings, ...readMetadata(settings) }
  kept = { key, time: performance.now(), site }
  return site
}

/** A board of automate's metadata as a description. */
export function boardOfAutomate(model: BoardModel): BoardInput {
  return { name: model.name, target: targetOf(model), connector: 'automate' }
}

/** What code for all of the board's cores is compiled for. */
function targetOf({ os, cores }: BoardModel): string {
  if (!os) return 'llvm'
  const { machine, environment } = os.triple
  const triple = `llvm -mtriple=${machine}-${os.triple.os}-${environment}`
  const arm = /^(aarch64|arm)/.test(machine) ? `${triple} -device=arm_cpu` : triple
  const kinds = new Set(cores.map(({ uarch }) => llvmName(uarch)))
  const [kind] = kinds
  return kinds.size === 1 && kind ? `${arm} -mcpu=${kind}` : arm
}

/** LLVM's name for one of Arm's processors, as `cortex-a53` for `CortexA53`; empty for others. */
function llvmName(uarch: string): string {
  const [, family, model] = /^(cortex|neoverse)[-_ ]?([axrmnve]\d+\w*)$/i.exec(uarch.trim()) ?? []
  return family && model ? `${family}-${model}`.toLowerCase() : ''
}

/** Who holds a board, with what automate knows of the person. */
export function personOf(owner: string): string {
  const [login = ''] = owner.split('@')
  let person: UserModel | undefined
  try {
    person = automateSite()?.users[login]
  } catch {
    // Faults of the settings are told with the list of boards; who holds one is known without them.
  }
  if (!person) return owner
  return `${owner} (${[person.name, person.mail].filter(Boolean).join(', ')})`
}

/** The C++ compiler that automate's metadata have for a board; undefined without one that is installed. */
export function compilerOfAutomate(name: string): string | undefined {
  const site = automateSite()
  const model = site?.boards.find((board) => board.name === name)
  const compiler = model && compilerFor(model, site?.compilers ?? [])
  const path = compiler && cxxOf(compiler)
  return path !== undefined && existsSync(path) ? path : undefined
}

/**
 * How automate reaches the board of a name.
 *
 * @throws `ERR_NOT_AVAILABLE` without settings of automate, `ERR_UNKNOWN_BOARD`, `ERR_BOARD` when it is out of use, `ERR_CONFIG`
 */
export function automateHost(name: string, prompt?: Prompt): Omit<BoardHost, 'leaseMs'> {
  const site = automateSite()
  if (!site) {
    throw new TvmNodeError(
      'ERR_NOT_AVAILABLE',
      `board '${name}' is reached through automate, which has no settings here (~/.automate.yml); write them, or give the board's description "ssh" or "tracker"`,
      { details: { board: name } },
    )
  }
  const model = find(name, site)
  const unused = model.maintenance ? 'is in maintenance' : model.available ? undefined : 'is not available'
  if (unused) {
    throw new TvmNodeError('ERR_BOARD', `board '${name}' ${unused}, says ${model.file}`, {
      details: { board: name, file: model.file },
    })
  }
  const gateway = gatewayOf(model, site, prompt)
  const ssh = model.connections.find((each) => 'username' in each)
  if (!ssh) {
    throw new TvmNodeError('ERR_NOT_AVAILABLE', `board '${name}' has no connection by SSH in ${model.file}`, {
      details: { board: name, file: model.file },
    })
  }
  const { host, username, port } = ssh
  return {
    host: { host, port, username, ...credentials(site, prompt), gateway },
    rundir: model.rundir,
    database: databaseOf(site, prompt),
    reset: gateway && { host: gateway, commands: model.reset },
  }
}

function find(name: string, { boards, faults }: Site): Described<BoardModel> {
  const found = boards.find((board) => board.name === name)
  if (found) return found
  const names = boards.map((board) => board.name)
  const near = nearest(name, names)
  const known = near ? `did you mean '${near}'?` : `it knows ${names.join(', ') || 'none'}`
  const left = faults.length > 0 ? `; left out: ${faults.map(({ message }) => message).join('; ')}` : ''
  throw new TvmNodeError('ERR_UNKNOWN_BOARD', `automate knows no board '${name}'; ${known}${left}`, {
    details: { board: name, nearest: near, boards: names },
  })
}

/** The way to the board: the gateway of all, then the board's own. */
function gatewayOf({ gateway }: BoardModel, site: Site, prompt: Prompt | undefined): SshHost | undefined {
  const { extra_gateway: extra } = site.settings
  const first = extra && {
    host: extra.host,
    port: extra.port,
    username: extra.user ?? undefined,
    ...credentials(site, prompt),
  }
  if (!gateway) return first ?? undefined
  return { ...gateway, ...credentials(site, prompt), gateway: first ?? undefined }
}

function databaseOf(site: Site, prompt: Prompt | undefined): LockDatabaseSettings | undefined {
  const { database, forwards } = site.settings
  if (!database) return undefined
  const tunnels = forwards.map(({ host, user, port, local_port, remote_port }) => ({
    host: { host, port, username: user ?? undefined, ...credentials(site, prompt) },
    localPort: local_port,
    remotePort: remote_port,
  }))
  return { postgres: database, tunnels }
}

function credentials({ settings: { identity } }: Site, prompt: Prompt | undefined) {
  // The usual key need not be there: an agent may have another.
  return { identity: existsSync(identity) ? identity : undefined, prompt }
}
