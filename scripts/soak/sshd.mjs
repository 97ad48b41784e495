// A real sshd of this user in a folder of its own, with keys of its own; of tests too.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { isReachable } from '../../dist/rpc/reachable.js'
import { freePort } from '../steps/free-port.mjs'
import { until } from './services.mjs'

/** A key pair in a file. */
export function makeKey(path, password = '') {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', password, '-f', path])
  return path
}

export class Sshd {
  folder = mkdtempSync(join(tmpdir(), 'tvm-node-sshd-'))

  /**
   * @param {string} host
   * @param {number} port
   * @param {string[]} before - A command that starts it, for example `ip netns exec NAME`.
   */
  constructor(host, port, before) {
    this.host = host
    this.port = port
    this.before = before
  }

  /** @param {{ host?: string, before?: string[], settings?: object }} options - `settings` that differ from the usual ones. */
  static async start({ host = '127.0.0.1', before = [], settings = {} } = {}) {
    const sshd = new Sshd(host, await freePort(), before)
    for (const name of ['host', 'id', 'other']) makeKey(join(sshd.folder, name))
    const all = {
      ListenAddress: `${host}:${sshd.port}`,
      HostKey: join(sshd.folder, 'host'),
      AuthorizedKeysFile: join(sshd.folder, 'id.pub'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      MaxAuthTries: 20,
      MaxStartups: 100,
      MaxSessions: 100,
      Subsystem: 'sftp internal-sftp',
      LogLevel: 'VERBOSE',
      ...settings,
    }
    const lines = Object.entries(all).map(([key, value]) => `${key} ${value}\n`)
    writeFileSync(join(sshd.folder, 'sshd_config'), lines.join(''))
    sshd.writeKnownHosts('known_hosts', 'host.pub')
    sshd.writeKnownHosts('changed_hosts', 'other.pub')
    // Where it gives up its rights, when it has some.
    if (userInfo().uid === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd')
    try {
      await sshd.run()
      return sshd
    } catch (error) {
      await sshd.end()
      throw error
    }
  }

  /** Starts it again, after `kill`, on the same port with the same keys. */
  async run() {
    const args = ['-D', '-f', join(this.folder, 'sshd_config'), '-E', join(this.folder, 'log')]
    const [command, ...rest] = [...this.before, '/usr/sbin/sshd', ...args]
    /** @type {import("node:child_process").ChildProcess} */
    this.child = spawn(command, rest, { stdio: 'ignore' })
    await until(() => isReachable({ host: this.host, port: this.port }))
  }

  /** What known_hosts calls it. */
  get name() {
    return `[${this.host}]:${this.port}`
  }
  /** Type and key. */
  get hostKey() {
    return this.publicKey('host.pub')
  }
  publicKey(file) {
    return readFileSync(join(this.folder, file), 'utf8').split(' ').slice(0, 2).join(' ')
  }
  get log() {
    const path = join(this.folder, 'log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  writeKnownHosts(file, key) {
    writeFileSync(join(this.folder, file), `${this.name} ${this.publicKey(key)}\n`)
  }

  /** What a board's description says of it. */
  description({ identity = 'id', knownHosts = 'known_hosts' } = {}) {
    return {
      host: this.host,
      port: this.port,
      identity: join(this.folder, identity),
      known_hosts: join(this.folder, knownHosts),
    }
  }

  /** What the library connects with. */
  get target() {
    const { host, port, identity, known_hosts } = this.description()
    return { host, port, identity, agent: /** @type {const} */ (false), knownHosts: [known_hosts] }
  }

  /**
   * Servers of the command line that its connections have started.
   *
   * @param {string} main - The program's file.
   */
  servers(main) {
    return below(this.child.pid).filter((pid) => {
      const [, program, command] = textOf(pid, 'cmdline').split('\0')
      return program === main && command === 'server'
    })
  }

  /** Kills the servers of the command line, and waits until their sessions' processes have noticed. */
  async killServers(main) {
    const servers = this.servers(main)
    if (servers.length === 0) throw new Error(`no server of ${main} runs`)
    const all = servers.flatMap((pid) => [pid, ...below(pid)])
    for (const pid of servers) process.kill(pid, 'SIGKILL')
    await until(() => all.every((pid) => textOf(pid, 'cmdline') === ''))
  }

  /** Kills it and the processes of all its connections at once. */
  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    for (const pid of [this.child.pid, ...connections(this.child.pid)]) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended already.
      }
    }
    await ended
  }

  async end() {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
  [Symbol.asyncDispose]() {
    return this.end()
  }
}

/** The processes below a process that are sshd's too. */
function connections(pid) {
  const own = childrenOf(pid).filter((child) => textOf(child, 'comm').startsWith('sshd'))
  return own.flatMap((child) => [child, ...connections(child)])
}

function below(pid) {
  return childrenOf(pid).flatMap((child) => [child, ...below(child)])
}

function childrenOf(pid) {
  return textOf(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

/** Empty for a process that has ended. */
function textOf(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8').trim()
  } catch {
    return ''
  }
}
