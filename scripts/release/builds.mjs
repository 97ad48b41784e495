// Builds the addon with each of the tools that it is built with: node-gyp, cmake-js and prebuildify. Each build is a tree of its own and
// must give an addon that loads and does something. Tells of each on stderr.
//
// usage: npm run check:builds -- [--json]
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeHeaders } from '../steps/node-headers.mjs'
import { root } from '../steps/run.mjs'

const place = join(root, 'build/builds')
const headers = nodeHeaders()
const withHeaders = { ...process.env, ...(headers && { npm_config_nodedir: headers }) }

/** What each tool runs in its tree, and where the addon is then. */
const tools = {
  'node-gyp': {
    run: ['node_modules/node-gyp/bin/node-gyp.js', 'rebuild', '--silent'],
    addon: () => 'build/Release/tvm_node.node',
  },
  'cmake-js': {
    run: ['node_modules/cmake-js/bin/cmake-js', 'rebuild', '--parallel', '2', '--log-level', 'error'],
    addon: () => 'build/Release/tvm_node.node',
  },
  prebuildify: {
    run: ['node_modules/prebuildify/bin.js', '--napi', '--strip', '--target', process.versions.node],
    addon: (tree) => {
      const platform = `prebuilds/${process.platform}-${process.arch}`
      const [name] = readdirSync(join(tree, platform)).filter((each) => each.endsWith('.node'))
      return `${platform}/${name}`
    },
  },
}

/** Loads an addon and asks it something that needs no library. */
const PROGRAM = `
const addon = require(process.argv[1])
const features = addon.cpuFeatures()
const [file, descriptor] = addon.openMemoryFile()
if (addon.mapMemoryFile(descriptor, 64).byteLength !== 64) throw new Error('no memory')
console.log(features.length)`

/** Rows of tool, whether it worked, and what it says. */
export function proveBuilds(say = console.error) {
  return Object.entries(tools).map(([name, { run, addon }]) => {
    const tree = join(place, name)
    rmSync(tree, { recursive: true, force: true })
    mkdirSync(tree, { recursive: true })
    for (const part of ['native', 'binding.gyp', 'CMakeLists.txt', 'package.json'])
      cpSync(join(root, part), join(tree, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    const started = performance.now()
    const [script, ...args] = run
    let row
    try {
      execFileSync(process.execPath, [join(tree, script), ...args], {
        cwd: tree,
        env: withHeaders,
        stdio: 'pipe',
      })
      const path = join(tree, addon(tree))
      if (!existsSync(path)) throw new Error(`there is no ${path}`)
      execFileSync(process.execPath, ['-e', PROGRAM, path], { stdio: 'pipe' })
      row = {
        check: `build: ${name}`,
        ok: true,
        detail: `${((performance.now() - started) / 1000).toFixed(0)} s`,
      }
    } catch (error) {
      row = { check: `build: ${name}`, ok: false, detail: String(error.stderr || error.message).slice(-500) }
    }
    say(`${row.ok ? 'ok ' : 'NOT'}  ${row.check}  ${row.detail}`)
    rmSync(tree, { recursive: true, force: true })
    return row
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rows = proveBuilds()
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows))
  process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1
}
