import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { writeNpz } from '#lib/npz.js'
import { Network } from '../../examples/training/network.mjs'
import { exportFloat } from '../../examples/training/onnx.mjs'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { freePort } from '../../scripts/steps/free-port.mjs'
import { network } from '../support/artifacts.js'
import { main } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const scratch = scratchFolder()
const root = process.cwd()

/** A fenced block: its language, the file that it is, if any, and its text. */
interface Block {
  readonly language: string
  readonly file: string | undefined
  readonly text: string
}

function blocksOf(guide: string): Block[] {
  const markdown = readFileSync(join('docs/guides', `${guide}.md`), 'utf8')
  return [...markdown.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(
    ([, language = '', file, text = '']) => ({ language, file, text }),
  )
}

/** A folder as a user has it: tvm-node installed, a model and its inputs at hand. */
async function project(): Promise<string> {
  const folder = mkdtempSync(join(scratch, 'guide-'))
  const bin = join(folder, 'node_modules/.bin/tvm-node')
  mkdirSync(join(bin, '..'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/tvm-node'))
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  chmodSync(bin, 0o755)
  const { model, inputs } = network('kws_dscnn')
  copyFileSync(model, join(folder, 'model.onnx'))
  await writeNpz(join(folder, 'inputs.npz'), inputs)
  return folder
}

const MARK = '=== after block'

/** Writes the guide's files, runs its commands in one shell, and says what each block of them printed. */
async function follow(folder: string, blocks: readonly Block[]): Promise<Map<Block, string>> {
  for (const { file, text } of blocks) if (file) writeFileSync(join(folder, file), text)
  const commands = blocks.filter(({ language }) => language === 'sh')
  const script = commands.map(({ text }) => `${text}echo '${MARK}'\n`).join('')
  const port = String(await freePort())
  const shell = script.replaceAll('9290', port)
  const child = spawn('bash', ['-eu', '-c', shell], { cwd: folder, detached: true })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [[code]] = await Promise.all([
    once(child, 'exit').finally(() => killGroup(child.pid)),
    once(child, 'close'),
  ])
  expect(code, `${stdout}\n${stderr}`).toBe(0)
  const printed = stdout.split(`${MARK}\n`)
  return new Map(commands.map((block, i) => [block, printed[i] ?? '']))
}

/** What a guide starts in the background ends with its shell. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  } catch {
    // There is nothing left of it.
  }
}

/** Numbers differ from run to run; what is around them does not. */
const withoutNumbers = (text: string) => text.replace(/\d+(\.\d+)?(e[+-]?\d+)?/g, '0').trim()

async function check(
  guide: string,
  prepare: (folder: string) => void = () => {},
  change = (block: Block) => block,
) {
  const blocks = blocksOf(guide).map(change)
  const folder = await project()
  prepare(folder)
  const printed = await follow(folder, blocks)
  for (const [i, block] of blocks.entries()) {
    if (block.language !== 'text') continue
    const output = printed.get(blocks[i - 1] as Block)
    expect(withoutNumbers(output ?? '')).toBe(withoutNumbers(block.text))
  }
  // A block that is neither run nor a file nor checked would be text that nobody keeps true.
  for (const { language, file } of blocks) expect(file ?? language).toMatch(/\.\w+$|^(sh|text)$/)
}

test('a first model', { timeout: 300_000 }, () => check('first-model'))

// A network of three layers is tuned in a moment.
test('tuning', { timeout: 300_000 }, () =>
  check('tuning', (folder) => writeFileSync(join(folder, 'model.onnx'), exportFloat(new Network()))),
)

test("a board of one's own", { timeout: 300_000 }, async () => {
  await using host = await Sshd.start()
  const ssh = {
    host: '127.0.0.1',
    port: host.port,
    identity: join(host.folder, 'id'),
    known_hosts: join(host.folder, 'known_hosts'),
  }
  const here = {
    target: 'llvm -mcpu=x86-64-v2',
    ssh,
    server: `'${process.execPath}' '${main}' server --host 127.0.0.1 --json --key $KEY`,
  }
  await check(
    'own-board',
    () => {},
    (block) =>
      block.file === 'desk.yml' ? { ...block, text: stringify({ ...parse(block.text), ...here }) } : block,
  )
})

test.skipIf(!hasTool('curl'))('on a training server (needs curl)', { timeout: 300_000 }, () =>
  check('training-server', (folder) => {
    for (const file of ['tvm_node.py', 'train.py'])
      copyFileSync(join('examples/python', file), join(folder, file))
  }),
)

const simulated = ['arm-none-eabi-gcc', 'qemu-system-arm'].every(hasTool)
test.skipIf(!simulated)(
  'without an operating system (needs arm-none-eabi-gcc and qemu-system-arm)',
  { timeout: 300_000 },
  () => check('micro'),
)
