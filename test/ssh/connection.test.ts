import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SIGN, tied } from '#lib/ssh/command.js'
import { SshConnection } from '#lib/ssh/connection.js'
import { makeKey, Sshd } from '../../scripts/soak/sshd.mjs'
import { isRunning } from '../support/processes.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
let board: Sshd
let gateway: Sshd
beforeAll(async () => {
  board = await Sshd.start()
  gateway = await Sshd.start()
})
afterAll(async () => {
  await board[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})
/** Answers each connection with its own bytes in capitals. */
async function shouter(): Promise<{ port: number; close(): void }> {
  const server = createServer((socket) => socket.on('data', (data) => socket.write(`${data}`.toUpperCase())))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

function answerOf(socket: Socket): Promise<string> {
  socket.write('hello')
  return new Promise((resolve, reject) => {
    socket.once('data', (data) => resolve(`${data}`))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
}

test('commands: status, both outputs, quotes', async () => {
  await using ssh = await SshConnection.connect(board.target)
  const done = await ssh.exec(`echo "it's $((6 * 7))"; echo no >&2; exit 3`)
  expect(done).toEqual({ code: 3, signal: undefined, stdout: "it's 42\n", stderr: 'no\n' })
})

test('a command that is aborted or late ends with what it started', async () => {
  await using ssh = await SshConnection.connect(board.target)
  const pids = join(folder, 'pids')
  const command = `sleep 300 & echo $! $$ > ${pids}; wait`
  const started = async () => {
    const read = () => readFileSync(pids, 'utf8').trim().split(' ').map(Number)
    await until(() => read().length === 2)
    return read()
  }
  writeFileSync(pids, '')
  const controller = new AbortController()
  const running = ssh.exec(command, { signal: controller.signal })
  const first = await started()
  controller.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
  await until(() => !first.some(isRunning))
  writeFileSync(pids, '')
  await expect(ssh.exec(command, { timeoutMs: 500 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  const second = await started()
  await until(() => !second.some(isRunning))
})

test('a command ends with its connection', async () => {
  const ssh = await SshConnection.connect(board.target)
  let found = 0
  const running = await ssh.start('echo $$; exec sleep 300', (text) => {
    found = Number(text)
  })
  await until(() => found > 0)
  expect(isRunning(found)).toBe(true)
  await ssh.close()
  await expect(running.finished).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  await until(() => !isRunning(found))
})

test('uploads', async () => {
  await using ssh = await SshConnection.connect(board.target)
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  const content = Buffer.alloc(3_000_001, 'abcdefg')
  writeFileSync(from, content)
  await ssh.upload(from, to)
  expect(readFileSync(to).equals(content)).toBe(true)
  await expect(ssh.upload(from, join(folder, 'none', 'to'))).rejects.toMatchObject({ code: 'ERR_REMOTE' })
})

test('forwards both ways', async () => {
  const target = await shouter()
  await using ssh = await SshConnection.connect(board.target)
  const to = { host: '127.0.0.1', port: target.port }
  for (const forward of [await ssh.forward(to), await ssh.reverseForward(to)]) {
    const socket = connect(forward.address)
    expect(await answerOf(socket)).toBe('HELLO')
    socket.destroy()
    await forward[Symbol.asyncDispose]()
    await expect(answerOf(connect(forward.address))).rejects.toThrow()
  }
  await using nowhere = await ssh.forward({ host: '127.0.0.1', port: 1 })
  await expect(answerOf(connect(nowhere.address))).rejects.toThrow()
  target.close()
})

test('through a gateway, whose key is checked too', async () => {
  await using ssh = await SshConnection.connect({ ...board.target, gateway: gateway.target })
  expect((await ssh.exec('echo $SSH_CONNECTION')).stdout).toMatch(new RegExp(` ${board.port}\n$`))
  const unknown = { ...gateway.target, knownHosts: board.target.knownHosts }
  await expect(SshConnection.connect({ ...board.target, gateway: unknown })).rejects.toMatchObject({
    code: 'ERR_HOST_UNKNOWN',
    details: { host: gateway.name },
  })
})

test('no secret goes to a host whose key is not right', async () => {
  const asked: string[] = []
  const prompt = async (question: string) => {
    asked.push(question)
    return 'secret'
  }
  const before = board.log.length
  for (const [line, code] of [
    ['', 'ERR_HOST_UNKNOWN'],
    [`${board.name} ${gateway.hostKey}`, 'ERR_HOST_KEY_CHANGED'],
    [`${board.name} ${board.hostKey}\n@revoked * ${board.hostKey}`, 'ERR_HOST_KEY_REVOKED'],
  ] as const) {
    const knownHosts = [join(folder, 'known_hosts')]
    writeFileSync(knownHosts[0] as string, `${line}\n`)
    await expect(SshConnection.connect({ ...board.target, knownHosts, prompt })).rejects.toMatchObject({
      code,
    })
  }
  expect(asked).toEqual([])
  expect(board.log.slice(before)).not.toMatch(/publickey|password|Failed|Accepted/)
})

test('wrong passwords are asked for three times, then told', async () => {
  let asked = 0
  const prompt = async () => `wrong${++asked}`
  const identity = makeKey(join(folder, 'stranger'))
  await expect(SshConnection.connect({ ...board.target, identity, prompt })).rejects.toMatchObject({
    code: 'ERR_SSH_AUTH',
  })
  expect(asked).toBe(3)
})

/** An ssh-agent with keys. */
class Agent implements Disposable {
  readonly socket: string
  private readonly pid: number
  constructor(name: string, ...keys: string[]) {
    this.socket = join(folder, name)
    const shown = execFileSync('ssh-agent', ['-a', this.socket], { encoding: 'utf8' })
    this.pid = Number(/SSH_AGENT_PID=(\d+)/.exec(shown)?.[1])
    const env = { ...process.env, SSH_AUTH_SOCK: this.socket }
    for (const key of keys) execFileSync('ssh-add', ['-q', key], { env, stdio: 'ignore' })
  }
  [Symbol.dispose](): void {
    process.kill(this.pid)
  }
}

test('a key with a password, and an agent', async () => {
  const locked = join(folder, 'locked')
  execFileSync('cp', [join(board.folder, 'id'), locked])
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open', '-f', locked])
  const target = { ...board.target, identity: locked }
  await using opened = await SshConnection.connect({ ...target, prompt: async () => 'open' })
  expect(await opened.exec('true')).toMatchObject({ code: 0 })
  await expect(SshConnection.connect({ ...target, prompt: async () => 'shut' })).rejects.toMatchObject({
    code: 'ERR_CONFIG',
  })
  {
    using agent = new Agent('agent', join(board.folder, 'id'))
    await using agreed = await SshConnection.connect({ ...target, agent: agent.socket })
    expect(await agreed.exec('true')).toMatchObject({ code: 0 })
  }
  // One that is not there is passed over.
  await using without = await SshConnection.connect({ ...board.target, agent: join(folder, 'none') })
  expect(without.lost.aborted).toBe(false)
})

test('a host that falls silent is noticed', async () => {
  const ssh = await SshConnection.connect({ ...board.target, keepAliveMs: 100 })
  // The shell of a command runs in one that the server's process for this connection started.
  const { stdout } = await ssh.exec('ps -o ppid= -p $PPID')
  const server = Number(stdout)
  expect(server).toBeGreaterThan(1)
  const waiting = ssh.exec('sleep 300', { timeoutMs: 20_000 })
  process.kill(server, 'SIGSTOP')
  try {
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  } finally {
    process.kill(server, 'SIGCONT')
    await ssh.close()
  }
})

test('a host that is not there', async () => {
  await expect(SshConnection.connect({ ...board.target, port: 1 })).rejects.toMatchObject({
    code: 'ERR_CONNECTION',
  })
})

test('the named identity comes before the keys of an agent; too many wrong ones are told as such', async () => {
  await using strict = await Sshd.start({ settings: { MaxAuthTries: 2 } })
  using agent = new Agent('full', ...['a', 'b', 'c'].map((name) => makeKey(join(folder, `other-${name}`))))
  const target = { ...strict.target, agent: agent.socket }
  await using ssh = await SshConnection.connect(target)
  expect(await ssh.exec('true')).toMatchObject({ code: 0 })
  await expect(SshConnection.connect({ ...target, identity: join(folder, 'other-a') })).rejects.toMatchObject(
    {
      code: 'ERR_SSH_AUTH',
    },
  )
})

test('a gateway that waits for the host does not hold up the deadline', async () => {
  // Takes two connections and answers none.
  const silent = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    require('fs').writeSync(1, String(this.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const child = spawn(process.execPath, ['-e', silent])
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text) => resolve(Number(text))),
  )
  const sockets = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}))
  try {
    const started = performance.now()
    const target = { ...board.target, port, gateway: gateway.target }
    await expect(SshConnection.connect(target, { timeoutMs: 2500 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    })
    expect(performance.now() - started).toBeLessThan(6000)
  } finally {
    for (const socket of sockets) socket.destroy()
    child.kill('SIGKILL')
  }
})

test('a command ends when its client is there but shows no sign of life', async () => {
  const child = spawn('sh', ['-c', tied('sleep 300 & echo $!; wait', 1000)])
  const pid = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text) => resolve(Number(text))),
  )
  for (let i = 0; i < 6; i++) {
    child.stdin.write(SIGN)
    await new Promise((resolve) => setTimeout(resolve, 400))
  }
  expect(isRunning(pid)).toBe(true)
  await until(() => !isRunning(pid))
  child.stdin.end()
})
