import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { EXIT } from '../exit.js'
import { integer, nonNegative, optLevelOption, positive, targetOption } from '../options.js'
import type { CliCommand } from '../program.js'

interface Options {
  readonly rtol?: number
  readonly atol?: number
  readonly jobs?: number
  readonly threads: number
  readonly target: string
  readonly optLevel: string
  readonly timeout: number
}

const DEFAULT_TIMEOUT = 600

export const verify: CliCommand = {
  command: new Command('verify')
    .summary('compile and run models and compare with expected outputs')
    .description(
      'Compiles and runs the model of each folder in processes of their own and compares the outputs with those of its data ' +
        'sets, in the layout of the ONNX backend tests. Inputs on whose values shapes depend are fixed to those of the data set. ' +
        'Exit status 1 when a model fails.',
    )
    .argument('<folders...>', 'folders with model.onnx and test_data_set_N/{input,output}_K.pb')
    .option(
      '--rtol <number>',
      'difference allowed, as a share of the expected value; floats only (default: 1e-3, for those of 16 bits 1e-2)',
      nonNegative,
    )
    .option(
      '--atol <number>',
      'difference allowed besides (default: 1e-4 of the standard deviation of the output, at least 1e-7; 0 for integers)',
      nonNegative,
    )
    .option('--jobs <count>', 'models at a time (default: half the processors)', integer(1))
    .option('--threads <count>', 'threads that a run uses', integer(1), 1)
    .option('--timeout <seconds>', 'give up a model after this time', positive, DEFAULT_TIMEOUT)
    .addOption(targetOption())
    .addOption(optLevelOption()),

  async action({ signal, progress, print, printJson }, options: Options, folders: string[]) {
    const { verifyModel } = await import('../verify-model.js')
    const jobs = options.jobs ?? Math.max(1, availableParallelism() >> 1)
    const waiting = [...folders]
    let passed = 0
    let done = 0
    const work = async () => {
      for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
        const name = basename(resolve(folder))
        const result = await verifyModel(folder, {
          tolerance: { relative: options.rtol, absolute: options.atol },
          target: options.target,
          optLevel: Number(options.optLevel),
          threads: options.threads,
          timeoutMs: options.timeout * 1000,
          signal,
          onPhase: (phase) => progress.update(`${name}: ${phase}`, done / folders.length),
        })
        done++
        if (result.ok) passed++
        printJson(result)
        const { ok, max_abs_error, phase, reason, ms } = result
        const error = max_abs_error === null ? '' : `, largest error ${max_abs_error.toExponential(1)}`
        print(
          ok
            ? `ok    ${name}${error}, ${(ms / 1000).toFixed(1)} s`
            : `FAIL  ${name}${error}, in ${phase}: ${reason}`,
        )
      }
    }
    await Promise.all(Array.from({ length: Math.min(jobs, folders.length) }, work))
    print(`${passed} passed, ${folders.length - passed} failed`)
    return passed === folders.length ? EXIT.ok : EXIT.failed
  },
}
