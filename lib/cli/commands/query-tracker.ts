import { Command, Option } from 'commander'
import { formatAddress, LOOPBACK, TRACKER_PORT } from '../../rpc/address.js'
import { EXIT } from '../exit.js'
import { port } from '../network-options.js'
import { timeoutMs, timeoutOption } from '../options.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'

interface Options {
  readonly host: string
  readonly port: number
  readonly timeout?: number
}

export const queryTracker: CliCommand = {
  command: new Command('query-tracker')
    .summary('show the boards that a tracker knows')
    .description('Asks a tracker for its servers and for those who wait for them.')
    .addOption(new Option('--host <address>', "the tracker's host").default(LOOPBACK).env('TVM_TRACKER_HOST'))
    .addOption(
      new Option('--port <number>', "the tracker's port")
        .argParser(port)
        .default(TRACKER_PORT)
        .env('TVM_TRACKER_PORT'),
    )
    .addOption(timeoutOption()),

  async action({ signal, print, printJson }, options: Options) {
    const { queryTracker } = await import('../../rpc/tracker-client.js')
    const { queueStatuses } = await import('../../rpc/tracker-summary.js')
    const address = { host: options.host, port: options.port }
    const summary = await queryTracker(address, { signal, timeoutMs: timeoutMs(options) })
    const servers = summary.server_info.map(({ key = '', addr }) => ({
      key: key.replace(/^server:/, ''),
      address: addr ? formatAddress({ host: addr[0] ?? '', port: addr[1] }) : '',
    }))
    const queues = queueStatuses(summary)
    printJson({ tracker: address, servers, queues })
    print(`tracker ${formatAddress(address)}\n`)
    print(
      formatTable(servers, [
        { title: 'server', value: ({ address }) => address },
        { title: 'key', value: ({ key }) => key },
      ]),
    )
    print('')
    print(
      formatTable(queues, [
        { title: 'key', value: ({ key }) => key },
        { title: 'total', value: ({ total }) => String(total), align: 'right' },
        { title: 'free', value: ({ free }) => String(free), align: 'right' },
        { title: 'pending', value: ({ pending }) => String(pending), align: 'right' },
      ]),
    )
    return EXIT.ok
  },
}
