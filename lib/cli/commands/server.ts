import { Command } from 'commander'
import { exposureWarning, formatAddress, parseAddress, SERVER_PORT, TRACKER_PORT } from '../../rpc/address.js'
import { hostOption, portEndOption, portOption } from '../network-options.js'
import { integer, positive } from '../options.js'
import type { CliCommand } from '../program.js'
import { untilEnded } from '../until-ended.js'

interface Options {
  readonly host: string
  readonly port: number
  readonly portEnd: number
  readonly key?: string
  readonly tracker?: string
  readonly customAddr?: string
  readonly sessions: number
  readonly maxSeconds?: number
  readonly maxUpload: number
  readonly loadLibrary?: readonly string[]
}

const MEGABYTE = 1e6

export const server: CliCommand = {
  command: new Command('server')
    .summary('let clients run what they bring on this machine')
    .description(
      "Runs a server for a board, in TVM's protocol. Each session has a process and a folder of its own. Any client that reaches it can run any code.",
    )
    .addOption(hostOption())
    .addOption(portOption(SERVER_PORT))
    .addOption(portEndOption())
    .option('--key <name>', 'what clients ask the tracker for: the name of the board')
    .option('--tracker <host:port>', 'tracker to register with')
    .option('--custom-addr <host>', 'host that the tracker tells clients (default: the address that it sees)')
    .option('--sessions <count>', 'sessions at once', integer(1), 1)
    .option('--max-seconds <seconds>', 'longest session (default: as long as the client asks for)', positive)
    .option('--max-upload <megabytes>', 'most that a session may upload', positive, 2000)
    .option(
      '--load-library <file>',
      'library that each session opens first; repeat it for several',
      (path: string, before: string[] = []) => [...before, path],
    ),

  async action({ signal, progress, print, printJson }, options: Options) {
    const { RpcServer } = await import('../../rpc/server.js')
    const { host, key, customAddr, sessions, maxSeconds, loadLibrary } = options
    const warning = exposureWarning('server', host)
    if (warning) progress.warn(warning)
    const server = await RpcServer.start({
      host,
      port: options.port,
      portEnd: options.portEnd,
      sessions,
      maxUploadBytes: options.maxUpload * MEGABYTE,
      onLog: (line) => progress.log(line),
      ...(key !== undefined && { key }),
      ...(options.tracker && { tracker: parseAddress(options.tracker, TRACKER_PORT) }),
      ...(customAddr && { customAddress: customAddr }),
      ...(maxSeconds && { maxSessionSeconds: maxSeconds }),
      ...(loadLibrary && { libraries: loadLibrary }),
    })
    printJson({ address: server.address, key: server.key })
    print(`server on ${formatAddress(server.address)}${key ? ` with key '${key}'` : ''}`)
    return untilEnded(signal, server)
  },
}
