import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

test('the package holds what it exports, the C sources that it compiles for boards, and nothing that makes npm build at install', () => {
  const [{ files }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json'], { encoding: 'utf8', stdio: 'pipe' }),
  )
  const paths: string[] = files.map(({ path }: { path: string }) => path)
  const entries = ['.', './run'].flatMap((name) => Object.values<string>(manifest.exports[name]))
  const wanted = [
    ...entries,
    manifest.bin['tvm-node'],
    'LICENSE',
    'README.md',
    'native/c-backend/forward.c',
    'native/c-backend/tvm/runtime/c_backend_api.h',
    'native/c-backend/tvm/runtime/c_runtime_api.h',
  ]
  for (const path of wanted) expect(paths).toContain(path.replace('./', ''))
  expect(
    paths.filter((path) =>
      /^(binding\.gyp|CMakeLists|native\/(bind|host|tvm)|native\/board\/fuzz|test|scripts|build|dist\/\.)/.test(
        path,
      ),
    ),
  ).toEqual([])
  expect(manifest.gypfile).toBe(false)
  expect(
    Object.keys(manifest.scripts).filter((name) => /^(pre|post)?(install|prepare|publish)/.test(name)),
  ).toEqual([])
})

test('type declarations come first in the exports, as TypeScript wants it', () => {
  for (const name of ['.', './run']) expect(Object.keys(manifest.exports[name])[0]).toBe('types')
})

test('no registry is named', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const entries = Object.values<Record<string, unknown>>(lock.packages)
  expect(entries.filter(({ resolved }) => resolved !== undefined)).toEqual([])
  expect(readFileSync('.npmrc', 'utf8')).not.toMatch(/registry\s*=|https?:/)
})

test('every package that the lock file lists is complete, those of other platforms too', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const wanted = Object.values<{ optionalDependencies?: object }>(packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  )
  expect(wanted.filter((name) => !packages[`node_modules/${name}`]?.version)).toEqual([])
})
