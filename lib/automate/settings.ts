import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type Leaf, leavesOf, parseConfig } from '../config/check.js'
import { merge, type Tree } from '../config/compose.js'
import { readConfigFile } from '../config/file.js'
import { parseYaml } from '../config/yaml.js'
import { TvmNodeError } from '../errors.js'
import { atHome } from '../files.js'
import { nearest } from '../nearest.js'
import { expandTemplates } from './template.js'

const port = z.int().min(1).max(65535)

const settingsSchema = z.strictObject({
  automate: z
    .strictObject({
      metadata: z.string().default('~/.automate/metadata').describe('Folder of boards and compilers.'),
      metadata_url: z.string().nullable().default(null).describe('Where the folder is cloned from.'),
      metadata_ref: z.string().default('main').describe('Branch or tag of it.'),
      identity: z.string().default('~/.ssh/id_rsa').describe('Private key for SSH.'),
      toolroot: z.string().default('~/.automate/tools').describe('Folder of compilers.'),
      boardroot: z.string().default('~/.automate/boards').describe('Folder of sysroots, images and kernels.'),
      database: z
        .strictObject({ host: z.string(), port, db: z.string(), user: z.string(), password: z.string() })
        .partial()
        .nullable()
        .default(null)
        .describe('Postgres with the locks of boards; without it boards keep their own.'),
      forwards: z
        .array(
          z.strictObject({
            host: z.string().min(1),
            user: z.string().nullable().default(null),
            port: port.default(22),
            local_port: port,
            remote_port: port,
          }),
        )
        .default([])
        .describe('Ports of hosts that SSH reaches, such as that of the database.'),
      extra_gateway: z
        .strictObject({
          host: z.string().min(1),
          user: z.string().nullable().default(null),
          port: port.default(22),
        })
        .nullable()
        .default(null)
        .describe('A host to go through before all others.'),
    })
    .prefault({}),
  logging: z.strictObject({ level: z.string().default('WARNING') }).prefault({}),
})

export type AutomateSettings = z.output<typeof settingsSchema>['automate']

/** Where settings are looked for: of each place the first file that is there, those of later places over those of earlier ones. */
export function settingsFiles(): string[] {
  return ['/etc/automate', join(homedir(), '.automate')].flatMap((stem) => {
    const files = ['.yaml', '.yml', '.json'].map((ending) => stem + ending)
    return files.find(existsSync) ?? []
  })
}

/** What the variables of the settings begin with (Invoke 2, invoke/env.py, with automate's prefix): `AUTOMATE_AUTOMATE_IDENTITY`. */
const PREFIX = 'AUTOMATE_'
/** Of those, what Invoke's own settings never begin with. */
const OWN_PREFIX = 'AUTOMATE_AUTOMATE_'

/**
 * The settings of automate; undefined where there are none: those of the system, of the user, and of the environment, later ones
 * over earlier ones. Folders may be given by one another (`${boardroot}/tools`). A project's settings, which automate reads too, are not: who
 * works in a folder of others does not let it choose hosts and keys.
 *
 * @throws `ERR_CONFIG` with file and line of the first fault, or with the name of the variable
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): AutomateSettings | undefined {
  const files = settingsFiles()
  const variables = settingsOf(env)
  if (files.length === 0 && !variables) return undefined
  const trees = files.map((file) => {
    readConfigFile(settingsSchema, file, completed)
    return (parseYaml(readFileSync(file, 'utf8')).data ?? {}) as Tree
  })
  const merged = [...trees, variables ?? {}].reduce(merge, {})
  return completed(parseConfig(settingsSchema, merged, 'the settings of automate')).automate
}

/** Settings of the environment as those of a file; undefined when it has none. */
function settingsOf(env: NodeJS.ProcessEnv): Tree | undefined {
  const leaves = new Map(
    leavesOf(settingsSchema).map((leaf) => [PREFIX + leaf.path.join('_').toUpperCase(), leaf]),
  )
  let tree: Tree | undefined
  for (const [name, value = ''] of Object.entries(env)) {
    const leaf = leaves.get(name)
    if (!leaf && !name.startsWith(OWN_PREFIX)) continue
    if (!leaf || leaf.kind === 'list') throw variableError(name, leaf, [...leaves.keys()])
    const { path, kind } = leaf
    const own = path.reduceRight<unknown>(
      (inner, key) => ({ [key]: inner }),
      kind === 'number' ? Number(value) : value,
    )
    tree = merge(tree ?? {}, own as Tree)
  }
  return tree
}

function variableError(name: string, leaf: Leaf | undefined, known: readonly string[]): TvmNodeError {
  const near = nearest(name, known)
  const why = leaf
    ? 'stands for a list, which no variable can be; write it into a file'
    : `stands for no setting of automate; ${near ? `did you mean '${near}'?` : `there are ${known.join(', ')}`}`
  return new TvmNodeError('ERR_CONFIG', `the environment's variable ${name} ${why}`, {
    details: { variable: name, nearest: near },
  })
}

function completed(settings: z.output<typeof settingsSchema>): z.output<typeof settingsSchema> {
  const { metadata, toolroot, boardroot } = settings.automate
  const { automate, logging } = expandTemplates(settings, { metadata, toolroot, boardroot })
  return {
    logging,
    automate: {
      ...automate,
      metadata: atHome(automate.metadata),
      identity: atHome(automate.identity),
      toolroot: atHome(automate.toolroot),
      boardroot: atHome(automate.boardroot),
    },
  }
}
