// Writes docs/operators.md from the importer's own table and scripts/onnx-suite.json. `--check` only says whether it is up to date.
import { readdirSync, readFileSync } from 'node:fs'
import { markdownTable, writeGenerated } from './steps/generated.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { listOperators } = await import('../dist/frontend/onnx/registry.js')
const { OPSETS } = await import('../dist/frontend/onnx/check.js')
await import('../dist/frontend/onnx/operators/index.js')

/** `com.microsoft.Gelu` is of the domain `com.microsoft`. */
const domainOf = (name) => name.split('.').slice(0, -1).join('.')
const operators = listOperators()
const domains = [...new Set(operators.map(({ name }) => domainOf(name)))].sort()

/** Operators that tests run on open extents beside ONNX Runtime, of any domain. */
const openTests = new URL('../test/onnx/', import.meta.url)
const open = new Set(
  readdirSync(openTests)
    .filter((name) => /^open-.*\.test\.ts$/.test(name))
    .flatMap((name) => [...readFileSync(new URL(name, openTests), 'utf8').matchAll(/'([A-Z]\w+)'/g)])
    .map(([, name]) => name),
)

const head = ['Operator', 'Rules since opset', 'Takes besides tensors', 'Open extents']

function table(domain) {
  const rows = operators
    .filter(({ name }) => domainOf(name) === domain)
    .map(({ name, since, values }) => {
      const own = domain ? name.slice(domain.length + 1) : name
      return [own, since.join(', '), values.join(', '), open.has(own) ? 'tested' : '']
    })
  const title = domain || 'ai.onnx'
  return `## ${title}\n\n${rows.length} operators.\n\n${markdownTable([head, ...rows])}`
}

const failures = JSON.parse(readFileSync(new URL('./onnx-suite.json', import.meta.url), 'utf8'))
const failing = failures.reduce((total, { cases }) => total + cases.length, 0)
const reasons = failures.map(
  ({ reason, cases }) => `- ${reason}: ${cases.map((name) => `\`${name}\``).join(', ')}\n`,
)

const text = [
  '# ONNX operators\n',
  '<!-- Generated from lib/frontend/onnx and scripts/onnx-suite.json by `npm run docs:operators`; edits here are lost. -->\n',
  `Models of the operator sets ${OPSETS.min} to ${OPSETS.max} of \`ai.onnx\` are imported, with the functions they bring along. An operator has one entry for each version whose rules differ here. What a form of an operator cannot do is refused by the node's name before anything is compiled.\n`,
  'Where tensors have elements of 4-bit integers or 8-bit floats, operators that only move elements take them too (Concat, Expand, Flatten, Gather, GatherElements, GatherND, Identity, Reshape, Slice, Split, Squeeze, Tile, Transpose, Unsqueeze). How many tensors a sequence has must be known when a model is compiled; how many steps a loop, a scan or a recurrent layer takes need not. ZipMap yields the tensor that its maps would be made of, a column for each label.\n',
  `Operators marked as tested run beside ONNX Runtime at several extents that were open when they were compiled (test/onnx/open-*.test.ts); others may do so too, element by element in any case. What a form of an operator needs to know beforehand is refused with \`ERR_DYNAMIC_SHAPE\` by the node's name:\n`,
  [
    'numbers of dimensions, and the channels of convolutions',
    'axes, the diagonal of Trilu, and all other inputs that say what an operator does rather than how far',
    'pools with `ceil_mode` whose stride and end padding together exceed the window, or with `count_include_pad`',
    'Resize with `antialias`, `exclude_outside`, `keep_aspect_ratio_policy` or `tf_crop_and_resize`',
    'how many tensors sequences in the state of a loop have, where a run decides on the number of steps',
    'branches of If whose results differ by more than extents',
  ]
    .map((each) => `- ${each};`)
    .join('\n')
    .replace(/;$/, '.\n'),
  ...domains.map(table),
  "## ONNX's backend tests\n",
  `\`npm run test:onnx-suite\` runs the 1,422 cases of onnx 1.16.2 (tolerances: 1e-3 of a value, 1e-2 for floats of 16 bits, and 1e-5). ${1422 - failing} pass; these ${failing} do not:\n`,
  ...reasons,
].join('\n')
writeGenerated('docs/operators.md', text, 'docs:operators')
