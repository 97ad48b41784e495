import { Command, Option } from 'commander'
import { LOOPBACK } from '../../rpc/address.js'
import { type KeepOptions, resultsFile } from '../keep-result.js'
import { portEndOption, portOption } from '../network-options.js'
import { integer, positive } from '../options.js'
import type { CliCommand } from '../program.js'
import { untilEnded } from '../until-ended.js'

interface Options extends KeepOptions {
  readonly host: string
  readonly port: number
  readonly portEnd: number
  readonly socket?: string
  readonly tokenFile?: string
  readonly root?: readonly string[]
  readonly maxBody: number
  readonly maxBackends: number
  readonly maxWaiting: number
  readonly idleMinutes: number
}

const MEGABYTE = 1e6

export const serve: CliCommand = {
  command: new Command('serve')
    .summary('offer the backend to trainers in any language, with a live page')
    .description(
      'Serves the backend of TvmBackend over HTTP and WebSocket, with a page that shows what goes on. docs/openapi.json describes it. ' +
        'Every request needs a token: that of TVM_NODE_TOKEN, or else a new one, which is shown. Whoever has it can do what you can.',
    )
    .option('--host <address>', 'address to listen on', LOOPBACK)
    .addOption(portOption(9290))
    .addOption(portEndOption().default(9299))
    .addOption(
      new Option('--socket <path>', 'listen on a Unix socket that only you can open, and on no port'),
    )
    .option(
      '--token-file <file>',
      'write the token to this file, which only you can read, and show it nowhere',
    )
    .option(
      '--root <folder>',
      'folder from which clients may name models by their path; repeat it for several (default: none)',
      (path: string, before: string[] = []) => [...before, path],
    )
    .option(
      '--results <file>',
      'file in which results of evaluations are kept, for the page, "results" and "report" (default: what TVM_NODE_RESULTS names)',
    )
    .option('--max-body <megabytes>', 'largest request', positive, 256)
    .option('--max-backends <count>', 'backends at once', integer(1), 16)
    .option('--max-waiting <count>', 'requests that may wait for one backend', integer(1), 32)
    .option(
      '--idle-minutes <minutes>',
      'time after which a backend that nobody asks for goes',
      positive,
      120,
    ),

  async action({ signal, progress, print, printJson }, options: Options) {
    const { Service } = await import('../../service/service.js')
    const { isLoopback } = await import('../../rpc/address.js')
    const { host, port, portEnd, socket, tokenFile, root } = options
    const results = resultsFile(options)
    if (socket === undefined && !isLoopback(host)) {
      progress.warn(
        `the service listens on ${host}, where the token and all that is sent can be read on the way; listen on loopback and forward by SSH`,
      )
    }
    const given = process.env.TVM_NODE_TOKEN || undefined
    const service = await Service.start({
      host,
      port,
      portEnd,
      limits: {
        bodyBytes: Math.ceil(options.maxBody * MEGABYTE),
        backends: options.maxBackends,
        waiting: options.maxWaiting,
        idleMinutes: options.idleMinutes,
      },
      onLog: (line) => progress.log(line),
      ...(socket !== undefined && { socket }),
      ...(given !== undefined && { token: given }),
      ...(root && { roots: root }),
      ...(results !== undefined && { results }),
    })
    try {
      if (tokenFile !== undefined) await writeSecret(tokenFile, service.token)
    } catch (error) {
      await service.close()
      throw error
    }
    const hidden = given !== undefined || tokenFile !== undefined
    const token = hidden ? undefined : service.token
    const { origin } = service
    printJson({ ...(socket === undefined ? { url: origin } : { socket }), token })
    print(socket === undefined ? `service on ${hidden ? origin : service.url}` : `service on ${socket}`)
    if (socket !== undefined && token !== undefined) print(`token ${token}`)
    return untilEnded(signal, service)
  },
}

/** Readable by this user alone from its first byte on. @throws `ERR_WRITE_FAILED` */
async function writeSecret(path: string, secret: string): Promise<void> {
  const { writeWhole } = await import('../../files.js')
  await writeWhole(path, [Buffer.from(`${secret}\n`)], { mode: 0o600 })
}
