import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { SshHost } from '#lib/ssh/connection.js'
import { freePort, until } from './rpc.js'

/** A key pair in a file. */
export function makeKey(path: string, password = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', password, '-f', path])
  return path
}

/** A real sshd of this user on a port of its own, with keys of its own. */
export class Sshd implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  /** @param more - Settings that differ from the usual ones of tests. */
  static async start(more: Readonly<Record<string, string | number>> = {}): Promise<Sshd> {
    const folder = mkdtempSync(join(tmpdir(), 'tvm-node-sshd-'))
    const port = await freePort()
    makeKey(join(folder, 'host'))
    makeKey(join(folder, 'id'))
    const settings = {
      ListenAddress: `127.0.0.1:${port}`,
      HostKey: join(folder, 'host'),
      AuthorizedKeysFile: join(folder, 'id.pub'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      MaxAuthTries: 20,
      Subsystem: 'sftp internal-sftp',
      LogLevel: 'VERBOSE',
      ...more,
    }
    const config = join(folder, 'sshd_config')
    writeFileSync(
      config,
      Object.entries(settings)
        .map(([key, value]) => `${key} ${value}\n`)
        .join(''),
    )
    // Where it gives up its rights, when it has some.
    if (userInfo().uid === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd')
    const child = spawn('/usr/sbin/sshd', ['-D', '-f', config, '-E', join(folder, 'log')], {
      stdio: 'ignore',
    })
    const sshd = new Sshd(folder, port, child)
    writeFileSync(join(folder, 'known_hosts'), `${sshd.name} ${sshd.hostKey}\n`)
    await until(() => sshd.log.includes('Server listening'))
    return sshd
  }

  /** What known_hosts calls it. */
  get name(): string {
    return `[127.0.0.1]:${this.port}`
  }
  /** Type and key. */
  get hostKey(): string {
    return readFileSync(join(this.folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  }
  get log(): string {
    const path = join(this.folder, 'log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  get target(): SshHost {
    return {
      host: '127.0.0.1',
      port: this.port,
      identity: join(this.folder, 'id'),
      agent: false,
      knownHosts: [join(this.folder, 'known_hosts')],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
    rmSync(this.folder, { recursive: true, force: true })
  }
}
