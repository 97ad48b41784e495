import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { fingerprint, KnownHosts } from '#lib/ssh/known-hosts.js'
import { makeKey } from '../../scripts/soak/sshd.mjs'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const file = join(folder, 'known_hosts')
let mine: string
let other: string
beforeAll(() => {
  ;[mine, other] = ['mine', 'other'].map((name) =>
    readFileSync(`${makeKey(join(folder, name))}.pub`, 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' '),
  ) as [string, string]
})
const bytes = (key: string) => Buffer.from(key.split(' ')[1] as string, 'base64')

/** `ok`, or the code of the refusal, for the key `mine`. */
async function verdict(lines: string, host: string, port = 22): Promise<string> {
  writeFileSync(file, lines.replaceAll('MINE', mine).replaceAll('OTHER', other))
  const known = await KnownHosts.read([file])
  try {
    known.check(host, port, bytes(mine))
    return 'ok'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test.each([
  ['board MINE', 'board', 22, 'ok'],
  ['board MINE', 'BOARD', 22, 'ok'],
  ['a,board,b MINE a comment', 'board', 22, 'ok'],
  ['board MINE', 'board', 2222, 'ERR_HOST_UNKNOWN'],
  ['[board]:2222 MINE', 'board', 2222, 'ok'],
  ['[board]:2222 MINE', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['board OTHER', 'board', 22, 'ERR_HOST_KEY_CHANGED'],
  ['board OTHER\nboard MINE', 'board', 22, 'ok'],
  ['boards MINE', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['*.lab,!secret.lab MINE', 'one.lab', 22, 'ok'],
  ['*.lab,!secret.lab MINE', 'secret.lab', 22, 'ERR_HOST_UNKNOWN'],
  ['board? MINE', 'board7', 22, 'ok'],
  ['board? MINE', 'board77', 22, 'ERR_HOST_UNKNOWN'],
  ['b.ard MINE', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['board MINE\n@revoked * MINE', 'board', 22, 'ERR_HOST_KEY_REVOKED'],
  ['board MINE\n@revoked * OTHER', 'board', 22, 'ok'],
  ['@revoked board OTHER', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['@cert-authority board MINE', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['# board MINE\n\nboard\nboard ssh-ed25519 !!', 'board', 22, 'ERR_HOST_UNKNOWN'],
  ['board ssh-rsa AAAAC3NzaC1lZDI1NTE5', 'board', 22, 'ERR_HOST_UNKNOWN'],
])('%j for %s port %i: %s', async (lines, host, port, expected) => {
  expect(await verdict(lines, host, port)).toBe(expected)
})

test('names that ssh-keygen hashed', async () => {
  writeFileSync(file, `board ${mine}\n[board]:2222 ${mine}\n`)
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
  const hashed = readFileSync(file, 'utf8')
  expect(hashed).toMatch(/^\|1\|/)
  expect(await verdict(hashed, 'board')).toBe('ok')
  expect(await verdict(hashed, 'board', 2222)).toBe('ok')
  expect(await verdict(hashed, 'board', 2223)).toBe('ERR_HOST_UNKNOWN')
  expect(await verdict(hashed.replaceAll(mine, other), 'board')).toBe('ERR_HOST_KEY_CHANGED')
})

test('fingerprints are those of ssh-keygen', () => {
  const shown = execFileSync('ssh-keygen', ['-lf', join(folder, 'mine.pub')], { encoding: 'utf8' })
  expect(shown).toContain(` ${fingerprint(bytes(mine))} `)
})

test('a file that is not there knows nobody', async () => {
  const known = await KnownHosts.read([join(folder, 'none')])
  expect(() => known.check('board', 22, bytes(mine))).toThrow(/ssh-keyscan -p 22 board/)
})
