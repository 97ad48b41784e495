// A real sshd of this user in a folder of its own, with keys of its own.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { isReachable } from '../../dist/rpc/reachable.js'
import { freePort } from '../steps/free-port.mjs'
import { until } from './services.mjs'

export class Sshd {
  /** `before` is a command that starts it, for example `ip netns exec NAME`. */
  static async start({ host = '127.0.0.1', before = [] } = {}) {
    const sshd = new Sshd()
    sshd.host = host
    sshd.before = before
    sshd.port = await freePort()
    sshd.folder = mkdtempSync(join(tmpdir(), 'tvm-node-sshd-'))
    for (const name of ['host', 'id', 'other'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(sshd.folder, name)])
    const settings = {
      ListenAddress: `${host}:${sshd.port}`,
      HostKey: join(sshd.folder, 'host'),
      AuthorizedKeysFile: join(sshd.folder, 'id.pub'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      MaxStartups: 100,
      MaxSessions: 100,
      Subsystem: 'sftp internal-sftp',
    }
    const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`)
    writeFileSync(join(sshd.folder, 'sshd_config'), lines.join(''))
    sshd.writeKnownHosts('known_hosts', 'host.pub')
    sshd.writeKnownHosts('changed_hosts', 'other.pub')
    // Where it gives up its rights, when it has some.
    if (userInfo().uid === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd')
    await sshd.run()
    return sshd
  }

  /** Starts it again, after `kill`, on the same port with the same keys. */
  async run() {
    const args = ['-D', '-f', join(this.folder, 'sshd_config'), '-E', join(this.folder, 'log')]
    const [command, ...rest] = [...this.before, '/usr/sbin/sshd', ...args]
    this.child = spawn(command, rest, { stdio: 'ignore' })
    await until(() => isReachable({ host: this.host, port: this.port }))
  }

  writeKnownHosts(name, key) {
    const type = readFileSync(join(this.folder, key), 'utf8').split(' ').slice(0, 2).join(' ')
    writeFileSync(join(this.folder, name), `[${this.host}]:${this.port} ${type}\n`)
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

  /** Kills it and the processes of all its connections at once. */
  async kill() {
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
}

/** The processes below a process that are sshd's too. */
function connections(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const pids = children === '' ? [] : children.split(' ').map(Number)
  const own = pids.filter((child) => {
    try {
      return readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('sshd')
    } catch {
      return false
    }
  })
  return own.flatMap((child) => [child, ...connections(child)])
}
