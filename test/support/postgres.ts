import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { until } from './rpc.js'

/** Where Postgres's programs are; Debian keeps them out of PATH. */
const programs = [
  ...(process.env.PATH ?? '').split(':'),
  ...(existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : []),
].find((folder) => ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))))

export const hasPostgres = programs !== undefined

/** A Postgres of its own in a temporary folder, behind a Unix socket there. */
export class Postgres implements AsyncDisposable {
  private constructor(
    /** For clients' settings: the folder of the socket. */
    readonly host: string,
    private readonly who: { readonly uid: number; readonly gid: number } | undefined,
    private child: ChildProcess,
  ) {}

  readonly db = 'postgres'
  readonly user = 'postgres'

  static async start(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'tvm-node-pg-'))
    // It refuses to run as root.
    const who = userInfo().uid === 0 ? idsOf('postgres') : undefined
    if (who) chownSync(folder, who.uid, who.gid)
    const flags = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync']
    execFileSync(join(programs as string, 'initdb'), flags, { stdio: 'ignore', cwd: folder, ...who })
    const postgres = new Postgres(folder, who, run(folder, who))
    await postgres.ready()
    return postgres
  }

  /** Ends it at once, as a crash does, and starts it again. */
  async restart(awayMs = 0): Promise<void> {
    await this.stop('SIGQUIT')
    await new Promise((resolve) => setTimeout(resolve, awayMs))
    this.child = run(this.host, this.who)
    await this.ready()
  }

  private async ready(): Promise<void> {
    const query = ['-h', this.host, '-U', 'postgres', '-c', 'select 1']
    await until(() => {
      try {
        execFileSync(join(programs as string, 'psql'), query, { stdio: 'ignore' })
        return true
      } catch {
        return false
      }
    })
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill(signal)
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGINT')
    rmSync(this.host, { recursive: true, force: true })
  }
}

function run(folder: string, who: object | undefined): ChildProcess {
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off']
  const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])]
  return spawn(join(programs as string, 'postgres'), args, { stdio: 'ignore', cwd: folder, ...who })
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
