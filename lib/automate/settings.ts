import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { readConfigFile } from '../config/file.js'
import { atHome } from '../files.js'
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

/** Where settings are looked for; the first file that is there counts. */
export function settingsFiles(): string[] {
  return [join(homedir(), '.automate.yml'), join(homedir(), '.automate.yaml'), '/etc/automate.yml']
}

/**
 * The settings of automate; undefined where there is no file of them. Folders may be given by one another (`${boardroot}/tools`).
 *
 * @throws `ERR_CONFIG` with file and line of the first fault
 */
export function readSettings(): AutomateSettings | undefined {
  const path = settingsFiles().find(existsSync)
  return path === undefined ? undefined : readConfigFile(settingsSchema, path, completed).automate
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
