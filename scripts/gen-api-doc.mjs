// Writes docs/api from the types that lib/index.ts exports and their comments; `--check` only says whether it is up to date. What
// configuration keys mean is said once, in the schemas that check them. A public name without a comment is an error.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Application, Comment, Converter, ReflectionKind } from 'typedoc'
import { z } from 'zod'
import { writeGenerated } from './steps/generated.mjs'
import { root } from './steps/run.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const load = (path) => import(`../dist/${path}.js`)
const { boardSchema } = await load('boards/board')
const { backendSchema } = await load('backend/config')
const { tunerSchema } = await load('tuning/config')
const { resultRecordSchema } = await load('results/record')
const { serviceLimitsSchema } = await load('service/limits')
const schemas = {
  Board: boardSchema,
  BoardInput: boardSchema,
  BackendConfig: backendSchema,
  BackendConfigInput: backendSchema,
  TunerConfig: tunerSchema,
  TunerSettings: tunerSchema,
  ResultRecord: resultRecordSchema,
  ServiceLimits: serviceLimitsSchema,
}
/** Tables that types are taken from, and types of TVM's objects that templates and functions of a board's registry are about. */
const notExported = [
  ...['table', 'tunerNames', 'ExportFormat', 'PlainConfig'],
  ...[
    'Config',
    'ConfigEntity',
    'Module',
    'NDArray',
    'PackedFunc',
    'Schedule',
    'Target',
    'TemplateArg',
    'TvmObject',
  ],
  'lib/ir/te.ts:Tensor',
]

const folder = mkdtempSync(join(tmpdir(), 'tvm-node-api-'))
try {
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: [join(root, 'lib/index.ts')],
    tsconfig: join(root, 'tsconfig.json'),
    name: 'API',
    readme: 'none',
    outputs: [{ name: 'markdown', path: folder }],
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    hideGroupHeadings: true,
    outputFileStrategy: 'modules',
    excludeScopesInPaths: true,
    flattenOutputFiles: true,
    useCodeBlocks: true,
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    parametersFormat: 'table',
    typeDeclarationFormat: 'table',
    typeDeclarationVisibility: 'compact',
    tableColumnSettings: {
      hideSources: true,
      hideModifiers: true,
      hideInherited: true,
      hideOverrides: true,
      hideDefaults: true,
    },
    sort: ['source-order'],
    logLevel: 'Warn',
    intentionallyNotExported: notExported,
    skipErrorChecking: true,
    validation: { notExported: true, invalidLink: true, notDocumented: true, rewrittenLink: true },
    requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Method', 'Accessor', 'Variable'],
    treatValidationWarningsAsErrors: true,
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const [name, schema] of Object.entries(schemas)) {
      const [type] = project
        .getReflectionsByKind(ReflectionKind.Interface)
        .filter((each) => each.name === name)
      type.extendedTypes = undefined
      describe(type.children, z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
    }
  })
  const project = await app.convert()
  app.validate(project)
  await app.generateOutputs(project)
  if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8')
    const note =
      '<!-- Generated from lib/index.ts and the comments there by `npm run docs:api`; edits here are lost. -->'
    writeGenerated(join('docs/api', file), `${note}\n\n${text}`, 'docs:api')
  }
} finally {
  rmSync(folder, { recursive: true })
}

/** Gives members the descriptions and defaults of their keys, at any depth. */
function describe(members, schema) {
  const { properties = {} } = [schema, ...(schema.anyOf ?? [])].find((each) => each.properties) ?? {}
  for (const member of members ?? []) {
    const key = properties[member.name]
    if (!key) continue
    const preset = key.default != null && key.default !== '' && `Default \`${JSON.stringify(key.default)}\`.`
    const text = [key.description, preset].filter(Boolean).join(' ')
    if (text && !member.comment) member.comment = new Comment([{ kind: 'text', text }])
    for (const { declaration } of member.type?.types ?? [member.type]) describe(declaration?.children, key)
  }
}
