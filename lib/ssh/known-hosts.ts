import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'

/** Files that say which keys hosts have, unless others are named. */
export function defaultKnownHosts(): string[] {
  return [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts']
}

interface Entry {
  readonly revoked: boolean
  readonly names: string
  readonly key: Buffer
  /** file:line */
  readonly where: string
}

/** What known_hosts files say of hosts' keys (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Certificate authorities are not followed. */
export class KnownHosts {
  private constructor(
    private readonly entries: readonly Entry[],
    private readonly files: readonly string[],
  ) {}

  /** Files that are not there count as empty. @throws `ERR_CONFIG` for one that cannot be read */
  static async read(files: readonly string[] = defaultKnownHosts()): Promise<KnownHosts> {
    const texts = await Promise.all(files.map(contentOf))
    return new KnownHosts(
      files.flatMap((file, i) => parse(texts[i] ?? '', file)),
      files,
    )
  }

  /** Types of the keys that the host is known by. */
  typesOf(host: string, port: number): string[] {
    const name = nameOf(host, port)
    const mine = this.entries.filter(({ revoked, names }) => !revoked && matches(names, name))
    return [...new Set(mine.map(({ key }) => keyType(key)))]
  }

  /** @throws `ERR_HOST_KEY_REVOKED`, `ERR_HOST_KEY_CHANGED`, `ERR_HOST_UNKNOWN` */
  check(host: string, port: number, key: Buffer): void {
    const name = nameOf(host, port)
    const mine = this.entries.filter(({ names }) => matches(names, name))
    const same = mine.filter((entry) => entry.key.equals(key))
    const details = { host: name, fingerprint: fingerprint(key), type: keyType(key) }
    const shown = `${details.type} ${details.fingerprint}`
    const revoked = same.find((entry) => entry.revoked)
    if (revoked) {
      throw new TvmNodeError(
        'ERR_HOST_KEY_REVOKED',
        `the key of ${name} (${shown}) is revoked by ${revoked.where}`,
        { details: { ...details, where: revoked.where } },
      )
    }
    if (same.length > 0) return
    const other = mine.find((entry) => !entry.revoked && keyType(entry.key) === details.type)
    if (other) {
      throw new TvmNodeError(
        'ERR_HOST_KEY_CHANGED',
        `${name} has another key (${shown}) than ${other.where} says: someone may be in between. If the host was set up anew, compare the fingerprint, then remove the old key with: ssh-keygen -R '${name}'`,
        { details: { ...details, where: other.where } },
      )
    }
    throw new TvmNodeError(
      'ERR_HOST_UNKNOWN',
      `${name} is not in ${this.files.join(' or ')}; its key is ${shown}. Compare the fingerprint, then add it with: ssh-keyscan -p ${port} ${host} >> ${this.files[0] ?? 'known_hosts'}`,
      { details },
    )
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new TvmNodeError('ERR_CONFIG', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function parse(text: string, file: string): Entry[] {
  return text.split('\n').flatMap((line, i) => {
    const words = line.trim().split(/\s+/)
    const mark = words[0]?.startsWith('@') ? words.shift() : undefined
    const [names, type, base64] = words
    if (!names || names.startsWith('#') || !type || !base64) return []
    if (mark !== undefined && mark !== '@revoked') return []
    const key = Buffer.from(base64, 'base64')
    // What is damaged vouches for nobody.
    if (keyType(key) !== type) return []
    return [{ revoked: mark === '@revoked', names, key, where: `${file}:${i + 1}` }]
  })
}

/** The type at the start of a key's bytes; empty when they are none. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return ''
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
}

export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** How known_hosts files call a host. */
function nameOf(host: string, port: number): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

function matches(names: string, name: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(names) ?? []
  if (salt && hash) {
    const expected = Buffer.from(hash, 'base64')
    const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest()
    return expected.length === actual.length && timingSafeEqual(expected, actual)
  }
  const patterns = names.toLowerCase().split(',')
  const negated = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  if (negated.some((pattern) => fits(pattern, name))) return false
  return patterns.some((pattern) => !pattern.startsWith('!') && fits(pattern, name))
}

/** `*` and `?` stand for any characters and for any one. */
function fits(pattern: string, name: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${literal.replace(/\*+/g, '.*').replace(/\?/g, '.')}$`).test(name)
}
