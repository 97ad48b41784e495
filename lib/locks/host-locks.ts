import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { quoted } from '../ssh/command.js'
import type { Holder, LockStore } from './lock-store.js'

/** Runs a command of a POSIX shell on the host that keeps the locks; see `SshConnection.exec`. */
export type RunCommand = (
  command: string,
  limits: Limits,
) => Promise<{ readonly code: number | undefined; readonly stdout: string; readonly stderr: string }>

/** Where locks are kept unless told otherwise: survives a reboot, and every user may write there. */
const FOLDER = '/var/tmp/tvm-node-locks'
/** Milliseconds for an answer. */
const ANSWER = 30_000

/** Exit codes of the script, beyond those of shells. */
const NO_FOLDER = 71
const NO_FLOCK = 72
const NOT_WRITTEN = 73

/**
 * One step on a lock: OP BOARD-FILE OWNER LEASE (centiseconds). The kernel's lock on the file makes it atomic and ends with the process;
 * the record in the file is what outlives it: owner, lease, end of the lease by the host's own uptime, and the boot that this
 * counts from. After a reboot a lease counts from the boot, so it never ends before its holder thinks so. The record has one
 * size and is written in place, since a full disk has no room for a new one.
 */
const SCRIPT = `op=$1 file=$2 me=$3 lease=$4
umask 0
mkdir -p "\${file%/*}" && exec 9>>"$file" || exit ${NO_FOLDER}
command -v flock >/dev/null || exit ${NO_FLOCK}
flock 9 || exit ${NO_FLOCK}
read -r boot </proc/sys/kernel/random/boot_id
read -r up rest </proc/uptime
now=$((\${up%.*} * 100 + 1\${up#*.} - 100))
owner= length= end= since=
read -r owner length end since rest <"$file"
case "$length$end" in *[!0-9]* | '') owner= length=0 end=0 ;; esac
[ "$since" = "$boot" ] || end=$length
left=$((end - now))
[ "$left" -gt 0 ] || left=0
[ -n "$owner" ] && [ "$left" -gt 0 ] || owner=
write() { printf '%-511s\\n' "$1" 1<>"$file" || exit ${NOT_WRITTEN}; }
case $op in
  take) [ -z "$owner" ] || [ "$owner" = "$me" ] || { echo "$owner $left"; exit 0; } ;;
  renew) [ "$owner" = "$me" ] || exit 1 ;;
  release) [ "$owner" != "$me" ] || write ''; exit 0 ;;
  holder) [ -z "$owner" ] || echo "$owner $left"; exit 0 ;;
esac
[ "$left" -gt "$lease" ] || left=$lease
write "$me $lease $((now + left)) $boot"`

/** Locks on a host itself, a Linux with `flock`; for boards without a database. */
export class HostLocks implements LockStore {
  constructor(
    private readonly runCommand: RunCommand,
    private readonly folder: string = FOLDER,
  ) {}

  async take(
    board: string,
    owner: string,
    leaseMs: number,
    limits: Limits = {},
  ): Promise<Holder | undefined> {
    return parse((await this.run('take', board, owner, leaseMs, limits)).stdout)
  }

  async renew(board: string, owner: string, leaseMs: number, limits: Limits = {}): Promise<boolean> {
    return (await this.run('renew', board, owner, leaseMs, limits)).code === 0
  }

  async release(board: string, owner: string, limits: Limits = {}): Promise<void> {
    await this.run('release', board, owner, 0, limits)
  }

  async holder(board: string, limits: Limits = {}): Promise<Holder | undefined> {
    return parse((await this.run('holder', board, '-', 0, limits)).stdout)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** @throws `ERR_LOCK_STORE`, and those of the runner */
  private async run(op: string, board: string, owner: string, leaseMs: number, limits: Limits) {
    const file = `${this.folder}/${encodeURIComponent(board)}.lock`
    const args = [op, file, owner, `${Math.round(leaseMs / 10)}`].map(quoted).join(' ')
    const done = await this.runCommand(`sh -c ${quoted(SCRIPT)} lock ${args}`, {
      timeoutMs: ANSWER,
      ...limits,
    })
    if (done.code === 0 || (op === 'renew' && done.code === 1)) return done
    throw new TvmNodeError('ERR_LOCK_STORE', `board '${board}' cannot be locked: ${reason(done, file)}`, {
      details: { board, file, code: done.code },
    })
  }
}

function reason({ code, stderr }: { code: number | undefined; stderr: string }, file: string): string {
  const said = stderr.trim()
  switch (code) {
    case NO_FOLDER:
      return `${file} cannot be opened there: ${said}`
    case NO_FLOCK:
      return `it needs the command flock (of util-linux or BusyBox) there: ${said}`
    case NOT_WRITTEN:
      return `${file} cannot be written there: ${said}`
    default:
      return `the shell there ended with ${code ?? 'a signal'}: ${said}`
  }
}

function parse(line: string): Holder | undefined {
  const [, owner, left] = /^(\S+) (\d+)$/m.exec(line) ?? []
  return owner === undefined ? undefined : { owner, leftMs: Number(left) * 10 }
}
