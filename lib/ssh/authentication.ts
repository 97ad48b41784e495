import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AnyAuthMethod, AuthenticationType } from 'ssh2'
import { TvmNodeError } from '../errors.js'
import { atHome } from '../files.js'

/** Asks a person for a secret; undefined when there is none to give. */
export type Prompt = (question: string) => Promise<string | undefined>

export interface Credentials {
  readonly username: string
  /** Path of a private key; default those of `~/.ssh` under their usual names. */
  readonly identity?: string | undefined
  /** Socket of an agent; default `SSH_AUTH_SOCK`, false for none. */
  readonly agent?: string | false | undefined
  /** For passwords and for keys that have one; without it neither is used. */
  readonly prompt?: Prompt | undefined
}

/** As many as OpenSSH asks for. */
const PASSWORD_TRIES = 3

/** @internal */
export type AuthHandler = (
  left: AuthenticationType[],
  partial: boolean,
  next: (method: AnyAuthMethod | false) => void,
) => void

/**
 * Offers what the credentials have: the identity that they name, the agent, further keys, then passwords. An agent may hold more keys
 * than a host lets one try. Used only once the host's key was checked.
 *
 * @param fail - Told of a secret that cannot be had, which ends the connection.
 * @throws `ERR_CONFIG` for an identity that cannot be read
 *
 * @internal
 */
export async function authentication(
  credentials: Credentials,
  where: string,
  fail: (error: unknown) => void,
): Promise<AuthHandler> {
  const keys = await identities(credentials)
  const methods = offers(credentials, keys, where)
  return (left, _partial, next) => {
    const advance = async () => {
      for (;;) {
        const { value, done } = await methods.next()
        if (done) return next(false)
        // The first answer tells what the host accepts.
        const type = value.type === 'agent' ? 'publickey' : value.type
        if (value.type === 'none' || !left || left.includes(type)) return next(value)
      }
    }
    advance().catch(fail)
  }
}

interface KeyFile {
  readonly path: string
  readonly content: Buffer
}

async function* offers(
  { username, identity, agent = process.env.SSH_AUTH_SOCK, prompt }: Credentials,
  keys: readonly KeyFile[],
  where: string,
): AsyncGenerator<AnyAuthMethod, void> {
  yield { type: 'none', username }
  const named = identity !== undefined && keys[0] ? await unlocked(keys[0], undefined) : undefined
  if (named) yield { type: 'publickey', username, key: named }
  if (agent) yield { type: 'agent', username, agent }
  // Only now may somebody have to type: the agent may have had the key.
  for (const each of named ? [] : keys) {
    const key = await unlocked(each, prompt)
    if (key) yield { type: 'publickey', username, key }
  }
  if (!prompt) return
  yield {
    type: 'keyboard-interactive',
    username,
    prompt: (_name, _instructions, _language, questions, finish) => {
      const answer = async () => {
        const answers: string[] = []
        for (const question of questions)
          answers.push((await prompt(`${username}@${where} ${question.prompt}`)) ?? '')
        return answers
      }
      answer().then(finish, () => finish([]))
    },
  }
  for (let attempt = 0; attempt < PASSWORD_TRIES; attempt++) {
    const password = await prompt(`password of ${username}@${where}: `)
    if (password === undefined) return
    yield { type: 'password', username, password }
  }
}

async function identities({ identity }: Credentials): Promise<KeyFile[]> {
  const folder = join(homedir(), '.ssh')
  const usual = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(folder, name)).filter(existsSync)
  const paths = identity === undefined ? usual : [atHome(identity)]
  return Promise.all(
    paths.map(async (path) => {
      try {
        return { path, content: await readFile(path) }
      } catch (cause) {
        const why = `the identity ${path} cannot be read: ${(cause as Error).message}`
        throw new TvmNodeError('ERR_CONFIG', why, { cause, details: { path } })
      }
    }),
  )
}

/** A key without its password; undefined when nobody gives it. @throws `ERR_CONFIG` for a file that is no key, or a wrong password */
async function unlocked({ path, content }: KeyFile, prompt: Prompt | undefined) {
  const { default: ssh2 } = await import('ssh2')
  const parsed = ssh2.utils.parseKey(content)
  if (!(parsed instanceof Error)) return parsed
  const locked = /passphrase/i.test(parsed.message)
  const passphrase = locked ? await prompt?.(`password of the key ${path}: `) : undefined
  if (locked && passphrase === undefined) return undefined
  const opened = passphrase === undefined ? parsed : ssh2.utils.parseKey(content, passphrase)
  if (!(opened instanceof Error)) return opened
  throw new TvmNodeError('ERR_CONFIG', `the identity ${path} cannot be used: ${opened.message}`, {
    cause: opened,
    details: { path },
  })
}
