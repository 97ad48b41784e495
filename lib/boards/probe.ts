import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import type { Prompt } from '../ssh/authentication.js'
import { SshConnection } from '../ssh/connection.js'
import { type Board, connectorOf } from './board.js'
import { boardHosts } from './board-host.js'
import { type LinuxProcessor, linuxProcessor } from './processor.js'
import { runHere } from './run-here.js'

/** What a board has. */
export interface BoardProbe extends LinuxProcessor {
  readonly host: string
  /** Distribution and kernel. */
  readonly system: string
  readonly memoryBytes: number
  /** What can serve networks there, best first, each with its version. */
  readonly runtimes: readonly string[]
  /** Compilers there, each with its version; none is needed. */
  readonly compilers: readonly string[]
  /** Commands that a board must have and this one lacks. */
  readonly missing: readonly string[]
}

/** Commands of a board without which it cannot be locked or left in order. */
const needed = ['sh', 'setsid', 'flock', 'dd']

/** Prints parts, each after a line that names it. */
const SCRIPT = `
part() { echo "@@ $1"; }
part machine; uname -m
part system; (. /etc/os-release && echo "$PRETTY_NAME") 2>/dev/null; uname -sr
part memory; grep MemTotal /proc/meminfo
part missing; for c in ${needed.join(' ')}; do command -v $c >/dev/null || echo $c; done
part runtimes
command -v tvm-node >/dev/null && echo "tvm-node $(tvm-node --version)"
python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("tvm") is None)' 2>/dev/null &&
  echo "tvm $(cd /; python3 -c 'import tvm; print(tvm.__version__)' 2>/dev/null) for python3"
command -v tvm_rpc >/dev/null && echo tvm_rpc
part compilers
for c in c++ g++ clang++ cc; do command -v $c >/dev/null && echo "$c: $($c --version 2>/dev/null | head -n 1)"; done
part cpuinfo; cat /proc/cpuinfo
`

/** Milliseconds for a board to answer. */
const ANSWER = 60_000

/**
 * Connects with a board and looks at what it has; nothing is taken or started there.
 *
 * @throws `ERR_NOT_AVAILABLE` for boards that are not reached by SSH, `ERR_REMOTE`, and as connecting
 */
export async function probeBoard(
  board: Board,
  { prompt, signal, timeoutMs = ANSWER }: Limits & { readonly prompt?: Prompt | undefined } = {},
): Promise<BoardProbe> {
  using time = new LimitedTime({ signal, timeoutMs }, () => ({ where: ` (board '${board.name}')` }))
  const limits = { signal: time.signal }
  const connector = connectorOf(board)
  if (connector === 'local') return parseProbe('this machine', await runHere(SCRIPT, limits))
  if (connector !== 'ssh' && connector !== 'automate') {
    throw new TvmNodeError(
      'ERR_NOT_AVAILABLE',
      `board '${board.name}' is reached by '${connector}'; only boards behind SSH and this machine can be probed`,
      { details: { board: board.name, connector } },
    )
  }
  const [{ host }] = boardHosts(board, prompt)
  await using ssh = await SshConnection.connect(host, limits)
  const { code, stdout, stderr } = await ssh.exec(SCRIPT, limits)
  if (code === 0) return parseProbe(ssh.where, stdout)
  throw new TvmNodeError('ERR_REMOTE', `${ssh.where} cannot be probed: ${stderr.trim() || `status ${code}`}`)
}

/** @param text - What the script printed. */
function parseProbe(host: string, text: string): BoardProbe {
  const parts = new Map(
    text
      .split(/^@@ /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)] as const),
  )
  const lines = (name: string) => (parts.get(name) ?? '').split('\n').filter((line) => line.trim() !== '')
  return {
    host,
    ...linuxProcessor(lines('machine')[0] ?? '', parts.get('cpuinfo') ?? ''),
    system: lines('system').join(', '),
    memoryBytes: Number(/(\d+) kB/.exec(parts.get('memory') ?? '')?.[1] ?? 0) * 1024,
    runtimes: lines('runtimes'),
    compilers: lines('compilers'),
    missing: lines('missing'),
  }
}
