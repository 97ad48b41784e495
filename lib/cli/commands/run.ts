import { Command } from 'commander'
import { artifactOf, place } from '../board-session.js'
import { describeUsage, usageText } from '../board-usage.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, resultsOption } from '../keep-result.js'
import { boardOption, trackerOption } from '../network-options.js'
import { isolationOption, threadsOption, timeoutMs, timeoutOption } from '../options.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'
import { formatNumber, range } from '../tensors.js'

interface Options extends KeepOptions {
  readonly inputs: string
  readonly outputs?: string
  readonly threads?: number
  readonly isolation: 'thread' | 'process'
  readonly timeout?: number
  readonly tracker?: string
}

export const run: CliCommand = {
  command: new Command('run')
    .summary('run an artifact or a model on given inputs')
    .description(
      'Runs an artifact once and shows its outputs. An ONNX model is compiled for the board, or this machine, first.',
    )
    .argument('<artifact>', 'file that "compile" wrote, or an ONNX model')
    .requiredOption('--inputs <file>', '.npz file with one array for each input, by name')
    .option('--outputs <file>', '.npz file to write the outputs to')
    .addOption(threadsOption())
    .addOption(isolationOption())
    .addOption(resultsOption())
    .addOption(timeoutOption())
    .addOption(boardOption())
    .addOption(trackerOption()),

  async action({ signal, progress, print, printJson }, options: Options, file: string) {
    const { readNpz, writeNpz } = await import('../../npz.js')
    const limits = { signal, timeoutMs: timeoutMs(options) }
    const { checkWritable } = await import('../../files.js')
    if (options.outputs) await checkWritable(options.outputs, [file, options.inputs])
    progress.update('load')
    const inputs = await readNpz(options.inputs)
    await using artifact = await artifactOf(file, options, limits, ({ phase, fraction }) =>
      progress.update(phase, fraction),
    )
    await using placed = await place(artifact, options, limits)
    const { session, where } = placed
    progress.update('run')
    const started = performance.now()
    const outputs = await session.run(inputs, limits)
    const ms = performance.now() - started
    const usage = await session.usage?.(limits)
    if (options.outputs) await writeNpz(options.outputs, outputs)
    const rows = Object.entries(outputs).map(([name, tensor]) => ({ name, tensor, range: range(tensor) }))
    await keepResult(options, session.metadata, {
      kind: 'run',
      metrics: { run_ms: ms, threads: session.threads },
    })
    printJson({
      outputs: rows.map(({ name, tensor: { dtype, shape }, range }) => ({ name, dtype, shape, ...range })),
      ms: Number(ms.toFixed(3)),
      threads: session.threads,
      ...(usage && describeUsage(usage)),
    })
    print(
      formatTable(rows, [
        { title: 'output', value: ({ name }) => name },
        { title: 'type', value: ({ tensor }) => tensor.dtype },
        { title: 'shape', value: ({ tensor }) => `[${tensor.shape.join(', ')}]` },
        { title: 'min', value: ({ range }) => formatNumber(range?.min), align: 'right' },
        { title: 'mean', value: ({ range }) => formatNumber(range?.mean), align: 'right' },
        { title: 'max', value: ({ range }) => formatNumber(range?.max), align: 'right' },
      ]),
    )
    print(`\nran in ${ms.toFixed(2)} ms on ${where}`)
    if (usage) print(usageText(usage))
    if (options.outputs) print(`wrote ${options.outputs}`)
    return EXIT.ok
  },
}
