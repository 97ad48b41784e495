import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const listed: string[] = JSON.parse(readFileSync('native/sources.json', 'utf8')).addon
const sorted = (names: string[]) => [...names].sort()

test('every C++ source of the addon is listed', () => {
  const present = readdirSync('native', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join('native', name))
  expect(sorted(listed)).toEqual(sorted(present))
})

test('CMake builds the listed sources', () => {
  const commands: { file: string }[] = JSON.parse(readFileSync('build/compile_commands.json', 'utf8'))
  const built = commands.map(({ file }) => relative('.', file)).filter((file) => file.endsWith('.cc'))
  expect(sorted(built)).toEqual(sorted(listed))
})

test('node-gyp builds the listed sources', () => {
  const command = /<!@\((.*)\)"\]/.exec(readFileSync('binding.gyp', 'utf8'))?.[1]?.replaceAll('\\"', '"')
  const built = execFileSync('sh', ['-c', command ?? 'false'], { encoding: 'utf8' })
    .trim()
    .split(' ')
  expect(sorted(built)).toEqual(sorted(listed))
})

test('building again does nothing', () => {
  const results = ['dist/index.js', 'build/Release/tvm_node.node']
  const times = () => results.map((file) => statSync(file).mtimeMs)
  const before = times()
  const output = execFileSync('sh', ['-c', `"${process.execPath}" scripts/bootstrap.mjs 2>&1`], {
    encoding: 'utf8',
  })
  expect(output).toBe('')
  expect(times()).toEqual(before)
})
