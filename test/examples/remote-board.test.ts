import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { boardSchema } from '#lib/boards/board.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { main } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const example = (name: string) => join('examples/remote-board', name)

test('the example runs a network on a board, measures and tunes it there', { timeout: 280_000 }, async () => {
  await using host = await Sshd.start()
  const board = join(folder, 'desk.yml')
  const description = parse(readFileSync(example('desk.yml'), 'utf8'))
  boardSchema.parse(description)
  const ssh = {
    host: '127.0.0.1',
    port: host.port,
    identity: join(host.folder, 'id'),
    known_hosts: join(host.folder, 'known_hosts'),
  }
  const server = `'${process.execPath}' '${main}' server --host 127.0.0.1 --json --key $KEY`
  writeFileSync(board, stringify({ name: 'desk', target: 'llvm -mcpu=x86-64-v2', ssh, server }))
  const model = 'test/fixtures/models/kws_dscnn/model.onnx'
  const args = [example('remote-board.mjs'), board, model, '1']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toMatch(/: \[1,12\]$/m)
  expect(stdout).toMatch(/^latency on the board: \d+ us$/m)
  expect(stdout).toMatch(/^slowest operator: .*conv2d.* %$/m)
  expect(stdout).toMatch(/^after tuning: \d+ us$/m)
})
