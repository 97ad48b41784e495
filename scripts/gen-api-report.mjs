// Writes docs/api-report.md from the declarations of what the package exports, so that a change of the interface is seen in review.
// `--check` only says whether it is up to date.
import { join } from 'node:path'
import ts from 'typescript'
import { writeGenerated } from './steps/generated.mjs'
import { root } from './steps/run.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const entry = join(root, 'dist/index.d.ts')
const program = ts.createProgram([entry], { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 })
const checker = program.getTypeChecker()
const printer = ts.createPrinter({ removeComments: true })

/** Where the declarations of other packages begin. */
const isOurs = (declaration) => !declaration.getSourceFile().fileName.includes('/node_modules/')

function resolved(symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** Declarations by name; those of a namespace under its name and a dot. */
function* declarations(module, prefix = '') {
  const exported = checker.getExportsOfModule(module)
  for (const symbol of exported.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const target = resolved(symbol)
    const found = (target.declarations ?? []).filter(isOurs)
    if (found.some(ts.isSourceFile)) yield* declarations(target, `${prefix}${symbol.name}.`)
    else yield [`${prefix}${symbol.name}`, found.map(textOf).join('\n')]
  }
}

function textOf(declaration) {
  // A constant's own words are those of its statement.
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  return printer
    .printNode(ts.EmitHint.Unspecified, node, declaration.getSourceFile())
    .replace(/^(export )?(declare )?/, '')
}

const module = checker.getSymbolAtLocation(program.getSourceFile(entry))
const sections = [...declarations(module)].map(
  ([name, text]) => `## ${name}\n\n\`\`\`text\n${text}\n\`\`\`\n`,
)
const head = [
  '# The public interface\n',
  '<!-- Generated from the declarations by `npm run docs:api-report`; edits here are lost. -->\n',
  'What `tvm-node` exports, as TypeScript declares it. A change here is a change of the interface: what is taken away or asks for more needs a new major version (before 1.0: a new minor one), what is added a minor one, and both a line in `CHANGELOG.md`.\n',
]
writeGenerated('docs/api-report.md', [...head, ...sections].join('\n'), 'docs:api-report')
