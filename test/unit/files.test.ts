import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkWritable, copyWhole, writeWhole } from '#lib/files.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
let count = 0
const folder = () => {
  const path = join(scratch, String(count++))
  mkdirSync(path)
  return path
}
const refusal = (message: RegExp) => ({ code: 'ERR_WRITE_FAILED', message: expect.stringMatching(message) })
const bytes = [Buffer.from('new')]

test('a link stays one, and the file behind it is replaced or made', async () => {
  const place = folder()
  writeFileSync(join(place, 'file'), 'old')
  symlinkSync('file', join(place, 'link'))
  symlinkSync('../later', join(place, 'dangling'))
  await writeWhole(join(place, 'link'), bytes)
  await copyWhole(join(place, 'file'), join(place, 'dangling'))
  expect(readFileSync(join(place, 'file'), 'utf8')).toBe('new')
  expect(readFileSync(join(scratch, 'later'), 'utf8')).toBe('new')
  for (const name of ['link', 'dangling']) expect(lstatSync(join(place, name)).isSymbolicLink()).toBe(true)
  expect(readdirSync(place).sort()).toEqual(['dangling', 'file', 'link'])
})

test('what is no regular file is refused and stays', async () => {
  const place = folder()
  const pipe = join(place, 'pipe')
  execFileSync('mkfifo', [pipe])
  mkdirSync(join(place, 'folder'))
  symlinkSync('loop', join(place, 'loop'))
  const refused = [
    [pipe, /pipe: it is no regular file/],
    [join(place, 'folder'), /it is a folder/],
    [join(place, 'loop'), /ELOOP/],
    [join(place, 'none', 'file'), /ENOENT/],
    ['', /the path is empty/],
  ] as const
  for (const [path, message] of refused) {
    await expect(writeWhole(path, bytes)).rejects.toMatchObject(refusal(message))
    await expect(checkWritable(path)).rejects.toMatchObject(refusal(message))
  }
  expect(lstatSync(pipe).isFIFO()).toBe(true)
  expect(readdirSync(place).sort()).toEqual(['folder', 'loop', 'pipe'])
})

test('a check beforehand leaves nothing and keeps what is read from being replaced', async () => {
  const place = folder()
  const source = join(place, 'source')
  writeFileSync(source, 'old')
  symlinkSync('source', join(place, 'link'))
  await checkWritable(join(place, 'other'), [source])
  await expect(checkWritable(join(place, 'link'), [source])).rejects.toMatchObject(refusal(/it is the input/))
  expect(readdirSync(place).sort()).toEqual(['link', 'source'])
  expect(readFileSync(source, 'utf8')).toBe('old')
})
