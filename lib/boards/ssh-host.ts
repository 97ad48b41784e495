import { homedir } from 'node:os'
import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
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

/** The hosts that are a board. @throws `ERR_CONFIG` when it has none */
export function sshHosts(
  { name, ssh }: { readonly name: string; readonly ssh: SshHostConfig | SshHostConfig[] | null },
  prompt?: Prompt,
): [SshHost, ...SshHost[]] {
  const [first, ...more] = ssh === null ? [] : [ssh].flat()
  if (first) return [sshHost(first, prompt), ...more.map((each) => sshHost(each, prompt))]
  throw new TvmNodeError(
    'ERR_CONFIG',
    `board '${name}': the connector 'ssh' needs a host, such as ssh: {host: ${name}}`,
    {
      details: { path: 'ssh' },
    },
  )
}

/** What `lib/ssh` connects with. */
function sshHost({ gateway, known_hosts, ...rest }: SshHostConfig, prompt?: Prompt): SshHost {
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

/** A path in which `~` is the user's home folder. */
export function atHome(path: string): string {
  return path.replace(/^~(?=\/|$)/, homedir())
}
