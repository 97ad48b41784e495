import { Command } from 'commander'
import { exposureWarning, formatAddress, TRACKER_PORT } from '../../rpc/address.js'
import { hostOption, portEndOption, portOption } from '../network-options.js'
import type { CliCommand } from '../program.js'
import { untilEnded } from '../until-ended.js'

interface Options {
  readonly host: string
  readonly port: number
  readonly portEnd: number
}

export const tracker: CliCommand = {
  command: new Command('tracker')
    .summary('bring boards and those who look for one together')
    .description(
      "Runs a tracker, in TVM's protocol: servers of boards register with it, clients ask it for one.",
    )
    .addOption(hostOption())
    .addOption(portOption(TRACKER_PORT))
    .addOption(portEndOption()),

  async action({ signal, progress, print, printJson }, options: Options) {
    const { Tracker } = await import('../../rpc/tracker.js')
    const warning = exposureWarning('tracker', options.host)
    if (warning) progress.warn(warning)
    const tracker = await Tracker.start({ ...options, onLog: (line) => progress.log(line) })
    printJson({ address: tracker.address })
    print(`tracker on ${formatAddress(tracker.address)}`)
    return untilEnded(signal, tracker, tracker.done())
  },
}
