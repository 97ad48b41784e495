import { z } from 'zod'
import { atHome } from '../files.js'
import type { Prompt } from '../ssh/authentication.js'
import type { SshHost } from '../ssh/connection.js'

/** A host reached by SSH, as people write it. */
export const sshHostSchema = z.strictObject({
  host: z.string().min(1).describe('Name or address.'),
  port: z.int().min(1).max(65535).default(22),
  username: z.string().min(1).nullable().default(null).describe('Default the user of this process.'),
  identity: z
    .string()
    .nullable()
    .default(null)
    .describe("Path of a private key; default the agent's keys and those of ~/.ssh."),
  known_hosts: z
    .string()
    .nullable()
    .default(null)
    .describe("File with the keys of hosts; default the user's and the system's."),
  get gateway(): z.ZodDefault<z.ZodNullable<typeof sshHostSchema>> {
    return sshHostSchema.nullable().default(null).describe('A host to go through.')
  },
})
export type SshHostConfig = z.output<typeof sshHostSchema>

/** What `lib/ssh` connects with. */
export function sshHost({ gateway, known_hosts, ...rest }: SshHostConfig, prompt?: Prompt): SshHost {
  return {
    host: rest.host,
    port: rest.port,
    username: rest.username ?? undefined,
    identity: rest.identity ?? undefined,
    knownHosts: known_hosts === null ? undefined : [atHome(known_hosts)],
    prompt,
    gateway: gateway === null ? undefined : sshHost(gateway, prompt),
  }
}
