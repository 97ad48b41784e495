import { Command, CommanderError } from 'commander'
import { TvmNodeError } from '../errors.js'
import { packageVersion } from '../version.js'
import { bench } from './commands/bench.js'
import { boards } from './commands/boards.js'
import { cache } from './commands/cache.js'
import { compile } from './commands/compile.js'
import { doctor } from './commands/doctor.js'
import { inspect } from './commands/inspect.js'
import { micro } from './commands/micro.js'
import { profile } from './commands/profile.js'
import { queryTracker } from './commands/query-tracker.js'
import { report } from './commands/report.js'
import { results } from './commands/results.js'
import { run } from './commands/run.js'
import { runAll } from './commands/run-all.js'
import { serve } from './commands/serve.js'
import { server } from './commands/server.js'
import { tracker } from './commands/tracker.js'
import { tune } from './commands/tune.js'
import { verify } from './commands/verify.js'
import type { CommandContext, CommonOptions } from './context.js'
import { EXIT } from './exit.js'
import { interrupted, outputFailed, reportFailure } from './failure.js'

/** What a command file exports: the command as commander knows it, and what it does. Returns the exit code. */
export interface CliCommand {
  readonly command: Command
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own arguments and options.
  readonly action: (context: CommandContext, options: any, ...args: any[]) => Promise<number>
}

/** In the order of the help. */
const commands: readonly CliCommand[] = [
  compile,
  run,
  verify,
  bench,
  profile,
  tune,
  runAll,
  inspect,
  results,
  report,
  serve,
  boards,
  micro,
  tracker,
  server,
  queryTracker,
  cache,
  doctor,
]

/** The command line as commander's objects, from which parser, help and `docs/cli.md` come. */
export function createProgram(
  onAction: (command: CliCommand, args: unknown[]) => Promise<void> = async () => {},
): Command {
  const program = new Command('tvm-node')
    .description('Compile trained networks with TVM and run them, without Python.')
    .version(packageVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
  for (const cliCommand of commands) {
    const { command } = cliCommand
    command
      .option('--json', 'print results as JSON, an object a line')
      .option('--quiet', 'show no progress')
      .helpOption('-h, --help', 'print help')
      .copyInheritedSettings(program)
      .action((...args: unknown[]) => onAction(cliCommand, args))
    program.addCommand(command)
  }
  return program
}

/** Runs one command line; returns the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  // Once nobody reads them, progress and messages are lost, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const json = argv.includes('--json')
  let exitCode: number = EXIT.ok
  const program = createProgram(async ({ action }, args) => {
    const [options, ...positional] = [args.at(-2) as CommonOptions, ...args.slice(0, -2)]
    exitCode = await interruptible((signal) => perform(signal, options, action, positional))
  })
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(isHelpOfNothing(program, argv) ? argv.slice(1) : argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return error instanceof CommanderError ? endOfParsing(error, json) : reportFailure(error, json)
  }
}

/** Whether help is asked of a command that there is not: commander would show that of all commands. */
function isHelpOfNothing({ commands }: Command, [first, about = '-']: readonly string[]): boolean {
  return first === 'help' && !about.startsWith('-') && !commands.some((command) => command.name() === about)
}

async function perform(
  signal: AbortSignal,
  options: CommonOptions,
  action: CliCommand['action'],
  positional: unknown[],
): Promise<number> {
  // Only now, so that help does not wait for it.
  const { createContext } = await import('./context.js')
  const context = createContext(options, signal)
  try {
    return await action(context, options, ...positional)
  } finally {
    context.progress.pause()
  }
}

/** Ctrl-C and SIGTERM abort the work in order; a second one ends the process at once. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const close = (error: NodeJS.ErrnoException) => controller.abort(outputFailed(error))
  process.stdout.on('error', close)
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort(interrupted())
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const result = await work(controller.signal)
    await new Promise((resolve) => process.stdout.write('', resolve))
    controller.signal.throwIfAborted()
    return result
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** Commander ends a parse with an exception also where help or the version was asked for. */
function endOfParsing({ exitCode, message, code }: CommanderError, json: boolean): number {
  if (exitCode === 0 || code === 'commander.help') return EXIT.ok
  const text = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/, '; did you mean $1?')
  return reportFailure(new TvmNodeError('ERR_USAGE', text), json)
}
