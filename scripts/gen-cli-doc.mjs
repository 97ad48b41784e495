// Writes docs/cli.md from the commands that the parser and its help use. `--check` only says whether it is up to date.
import { markdownTable, writeGenerated } from './steps/generated.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { createProgram } = await import('../dist/cli/program.js')
const { EXIT } = await import('../dist/cli/exit.js')

const meaning = {
  ok: 'done',
  failed: 'an error, or `verify` and `doctor` found something wrong',
  usage: 'the command line is wrong',
  interrupted: 'Ctrl-C or SIGTERM',
  closed: 'whoever read the results is gone, such as `head`',
}
const escaped = (text) => text.replace(/[|<>]/g, (sign) => ({ '|': '\\|', '<': '&lt;', '>': '&gt;' })[sign])

function table(title, rows) {
  if (rows.length === 0) return ''
  return markdownTable([[title, ''], ...rows.map(([name, text]) => [`\`${name}\``, escaped(text)])])
}

const program = createProgram()
const help = program.createHelp()
const sections = program.commands.map((command) => {
  const rows = help.visibleOptions(command)
  return [
    `## ${command.name()}\n`,
    `\`${help.commandUsage(command)}\`\n`,
    `${command.description()}\n`,
    table(
      'Argument',
      command.registeredArguments.map((argument) => [argument.name(), help.argumentDescription(argument)]),
    ),
    table(
      'Option',
      rows.map((option) => [help.optionTerm(option), help.optionDescription(option)]),
    ),
  ]
    .filter(Boolean)
    .join('\n')
})
const text = [
  '# Command line\n',
  '<!-- Generated from lib/cli by `npm run docs:cli`; edits here are lost. -->\n',
  `${program.description()} Results go to stdout, progress and errors to stderr. With \`--json\` results are JSON, an object a line; an error is \`{ "error": { "code", "message", "details" } }\`, with the codes of [errors.md](errors.md).\n`,
  table(
    'Exit status',
    Object.entries(EXIT).map(([name, code]) => [code, meaning[name]]),
  ),
  ...sections,
].join('\n')
writeGenerated('docs/cli.md', text, 'docs:cli')
