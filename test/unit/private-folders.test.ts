import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const numbers = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]
/** A number that no process has: the system gives none above it. */
const NOBODY = 2 ** 22 + 1

test('a process removes what killed ones left, and nothing of the living, of other containers and of others', () => {
  const stays = [
    `tvm-node-files-${process.pid}-${numbers}-living`,
    `tvm-node-files-${NOBODY}-1-elsewhere`,
    `tvm-node-files-${NOBODY}`,
    `tvm-node-${NOBODY}-${numbers}-x`,
    'other',
  ]
  const goes = ['files', 'build', 'tune', 'session'].map(
    (what) => `tvm-node-${what}-${NOBODY}-${numbers}-abc`,
  )
  for (const name of [...stays, ...goes]) mkdirSync(join(scratch, name, 'inner'), { recursive: true })
  const code = `
    import { makePrivateFolder } from '#lib/private-folders.js'
    console.log(await makePrivateFolder('build'))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: scratch },
  })
  expect(stderr).toBe('')
  expect(basename(stdout.trim())).toMatch(new RegExp(`^tvm-node-build-\\d+-${numbers}-`))
  expect(existsSync(stdout.trim())).toBe(false)
  expect(readdirSync(scratch).sort()).toEqual(stays.sort())
})
