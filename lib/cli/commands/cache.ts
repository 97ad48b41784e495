import { Argument, Command } from 'commander'
import { EXIT } from '../exit.js'
import type { CliCommand } from '../program.js'
import { formatBytes, formatPairs } from '../table.js'

export const cache: CliCommand = {
  command: new Command('cache')
    .summary('show or clear the networks compiled before')
    .description(
      'Shows where compiled networks are kept, how many and how large, or removes them. At most TVM_NODE_CACHE_LIMIT bytes are ' +
        'kept (such as 500M; default 2G; 0 for none); those not used for longest go first.',
    )
    .addArgument(new Argument('[action]', 'what to do').choices(['show', 'clear']).default('show')),

  async action({ print, printJson }, _options: unknown, action: 'show' | 'clear') {
    const { FileStore } = await import('../../compile/cache/store.js')
    const store = new FileStore()
    if (action === 'clear') {
      const bytes = await store.clear()
      printJson({ dir: store.dir, removed_bytes: bytes })
      print(`removed ${formatBytes(bytes)} from ${store.dir}`)
      return EXIT.ok
    }
    const entries = (await store.entries()).filter(({ name }) => name.endsWith('.tvm'))
    const bytes = entries.reduce((total, entry) => total + entry.bytes, 0)
    printJson({ dir: store.dir, networks: entries.length, bytes, max_bytes: store.maxBytes })
    print(
      formatPairs([
        ['folder', store.dir],
        ['networks', String(entries.length)],
        ['size', `${formatBytes(bytes)} of at most ${formatBytes(store.maxBytes)}`],
      ]),
    )
    return EXIT.ok
  },
}
