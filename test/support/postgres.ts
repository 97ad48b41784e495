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

/** In the name of the socket too. */
const USUAL_PORT = 5432

export const hasPostgres = programs !== undefined

/** A Postgres of its own in a temporary folder, behind a Unix socket there, and a port of loopback if one is given. */
export class Postgres implements AsyncDisposable {
  private constructor(
    /** For clients' settings: the folder of the socket. */
    readonly host: string,
    private readonly who: { readonly uid: number; readonly gid: number } | undefined,
    private readonly port: number | undefined,
    private child: ChildProcess,
  ) {}

  readonly db = 'postgres'
  readonly user = 'postgres'

  static async start(port?: number): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'tvm-node-pg-'))
    // It refuses to run as root.
    const who = userInfo().uid === 0 ? idsOf('postgres') : undefined
    if (who) chownSync(folder, who.uid, who.gid)
    const flags = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync']
    execFileSync(join(programs as string, 'initdb'), flags, { stdio: 'ignore', cwd: folder, ...who })
    const postgres = new Postgres(folder, who, port, run(folder, who, port))
    await postgres.ready()
    return postgres
  }

  /** Ends it at once, as a crash does, and starts it again. */
  async restart(awayMs = 0): Promise<void> {
    await this.stop('SIGQUIT')
    await new Promise((resolve) => setTimeout(resolve, awayMs))
    this.child = run(this.host, this.who, this.port)
    await this.ready()
  }

  private async ready(): Promise<void> {
    await until(() => {
      try {
        return this.query('select 1') === '1'
      } catch {
        return false
      }
    })
  }

  /** What a statement yields, a line a row. */
  query(statement: string): string {
    const where = ['-h', this.host, '-p', `${this.port ?? USUAL_PORT}`, '-U', this.user]
    const text = execFileSync(join(programs as string, 'psql'), [...where, '-qtAc', statement], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.trim()
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

function run(folder: string, who: object | undefined, port: number | undefined): ChildProcess {
  const where = port === undefined ? ['listen_addresses='] : ['listen_addresses=127.0.0.1', `port=${port}`]
  const settings = [...where, `unix_socket_directories=${folder}`, 'fsync=off']
  const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])]
  return spawn(join(programs as string, 'postgres'), args, { stdio: 'ignore', cwd: folder, ...who })
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
