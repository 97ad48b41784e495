// A registry on loopback that holds our packages and gets the others from where this machine's npm gets them.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../steps/free-port.mjs'
import { root } from '../steps/run.mjs'

const execute = promisify(execFile)
const folder = join(root, 'build/release/registry')
export const tools = join(root, 'build/release/tools')

/** What only this check needs. verdaccio asks for a node-fetch that has been withdrawn. */
const toolPackages = {
  dependencies: {
    verdaccio: '~6.2.0',
    pnpm: '^10.0.0',
    yarn: '1.22.22',
    '@yarnpkg/cli-dist': '^4.18.1',
    esbuild: '^0.25.0',
    typescript: '^5.9.3',
    '@types/node': '^20.19.43',
  },
  overrides: { 'node-fetch': '2.7.0' },
}

export async function installTools() {
  mkdirSync(tools, { recursive: true })
  writeFileSync(join(tools, 'package.json'), JSON.stringify({ private: true, ...toolPackages }))
  await execute('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: tools })
}

/** Starts it with `archives` published. Ends with `close()`. */
export async function startRegistry(archives) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const { stdout } = await execute('npm', ['config', 'get', 'registry'])
  const config = join(folder, 'config.yaml')
  writeFileSync(
    config,
    [
      `storage: ${JSON.stringify(join(folder, 'storage'))}`,
      'max_body_size: 500mb',
      'web: { enable: false }',
      `uplinks: { upstream: { url: ${JSON.stringify(stdout.trim())}, cache: true, timeout: 60s } }`,
      'packages:',
      "  'tvm-node': { access: $all, publish: $all }",
      "  '@tvm-node/*': { access: $all, publish: $all }",
      "  '**': { access: $all, publish: $all, proxy: upstream }",
      'log: { type: file, path: verdaccio.log, level: warn }',
    ].join('\n'),
  )
  const child = spawn(
    process.execPath,
    [
      join(tools, 'node_modules/verdaccio/bin/verdaccio'),
      '--config',
      config,
      '--listen',
      `127.0.0.1:${port}`,
    ],
    { cwd: folder, stdio: 'ignore' },
  )
  const url = `http://127.0.0.1:${port}/`
  await answers(url, child)
  // npm wants a token to publish, whatever it is.
  const npmrc = join(folder, 'npmrc')
  writeFileSync(npmrc, `registry=${url}\n//127.0.0.1:${port}/:_authToken=any\n`)
  for (const archive of archives)
    await execute('npm', ['publish', archive, '--userconfig', npmrc, '--access', 'public'], { cwd: folder })
  return { url, npmrc, close: () => ended(child) }
}

async function answers(url, child) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (child.exitCode !== null) throw new Error(`verdaccio ended with ${child.exitCode}`)
    if (
      await fetch(`${url}-/ping`).then(
        (reply) => reply.ok,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('verdaccio does not answer')
}

function ended(child) {
  if (child.exitCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill()
  })
}
