import { describe, expect, test } from 'vitest'
import type { BoardAdapter, BoardPhase } from '#lib/boards/adapter.js'
import { boardSchema } from '#lib/boards/board.js'
import { BoardConnection } from '#lib/boards/connection.js'
import { TvmNodeError } from '#lib/errors.js'
import type { Session } from '#lib/session/session.js'
import { tensor } from '#lib/tensor.js'

/** A board that notes what is done to it and fails or hangs where it is told to. */
class NotedBoard implements BoardAdapter {
  readonly log: string[] = []
  readonly failing = new Set<string>()
  readonly hanging = new Set<string>()

  private async note(phase: string, limits: { signal?: AbortSignal | undefined }): Promise<void> {
    this.log.push(phase)
    if (this.failing.has(phase)) throw new Error(`no ${phase}`)
    if (!this.hanging.has(phase)) return
    await new Promise((_, reject) => {
      limits.signal?.addEventListener('abort', () => reject(limits.signal?.reason))
    })
  }
  available = async () => ({ available: true }) as const
  lock = (limits: object) => this.note('lock', limits)
  connect = (limits: object) => this.note('connect', limits)
  setup = (limits: object) => this.note('setup', limits)
  reset = (limits: object) => this.note('reset', limits)
  teardown = (limits: object) => this.note('teardown', limits)
  disconnect = (limits: object) => this.note('disconnect', limits)
  unlock = (limits: object) => this.note('unlock', limits)
  async upload(_artifact: unknown, limits: object): Promise<Session> {
    await this.note('upload', limits)
    const { log } = this
    const session = {
      run: (_inputs: object, within: object) => this.note('run', within).then(() => ({})),
      profile: (_inputs: object, within: object) => this.note('profile', within),
      dispose: async () => void log.push('dispose'),
    }
    return session as unknown as Session
  }
}

function board() {
  const adapter = new NotedBoard()
  const connection = new BoardConnection(boardSchema.parse({ name: 'noted' }), adapter)
  return { adapter, connection, log: adapter.log }
}
const taken = ['lock', 'connect', 'setup']
const given = ['teardown', 'disconnect', 'unlock']
const inputs = { x: tensor(new Float32Array(1)) }

test('a board is taken once and given back in reverse', async () => {
  const { connection, log } = board()
  expect(connection.state).toBe('idle')
  await connection.upload('a')
  await connection.run(inputs)
  await connection.upload('b')
  await connection.run(inputs)
  expect(connection.state).toBe('loaded')
  await connection.close()
  expect(log).toEqual([...taken, 'upload', 'run', 'upload', 'dispose', 'run', 'dispose', ...given])
  await connection.close()
  expect(log.filter((phase) => phase === 'unlock')).toHaveLength(1)
  await expect(connection.upload('c')).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
})

test('a board that was never used is not given back', async () => {
  const { connection, log } = board()
  await connection.close()
  expect(log).toEqual([])
})

describe.each([
  ['lock', ['unlock']],
  ['connect', ['disconnect', 'unlock']],
  ['setup', given],
  ['upload', given],
] as [BoardPhase, string[]][])('a failure in phase %s', (phase, undone) => {
  test('names the phase and gives back as far as the taking came', async () => {
    const { adapter, connection, log } = board()
    adapter.failing.add(phase)
    await expect(connection.upload('a')).rejects.toMatchObject({
      code: 'ERR_BOARD',
      message: `board 'noted' failed in phase '${phase}': no ${phase}`,
      details: { board: 'noted', phase },
    })
    expect(connection.state).toBe('idle')
    const order = [...taken, 'upload']
    expect(log).toEqual([...order.slice(0, order.indexOf(phase) + 1), ...undone])
    adapter.failing.clear()
    await connection.upload('a')
    expect(connection.state).toBe('loaded')
    await connection.close()
  })

  test('an abort leaves the board free too, with the reason of the signal', async () => {
    const { adapter, connection, log } = board()
    adapter.hanging.add(phase)
    const controller = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 5)
    await expect(connection.upload('a', { signal: controller.signal })).rejects.toBe(reason)
    expect(log.slice(-undone.length)).toEqual(undone)
  })

  test('a deadline is a coded error', async () => {
    const { adapter, connection } = board()
    adapter.hanging.add(phase)
    await expect(connection.upload('a', { timeoutMs: 10 })).rejects.toMatchObject({
      code: 'ERR_BOARD',
      details: { phase, code: 'ERR_TIMEOUT' },
    })
  })
})

test('a run that fails loses the board; it is taken anew', async () => {
  const { adapter, connection, log } = board()
  await connection.upload('a')
  adapter.failing.add('run')
  await expect(connection.run(inputs)).rejects.toMatchObject({
    code: 'ERR_BOARD',
    details: { phase: 'measure' },
  })
  expect(log.slice(-4)).toEqual(['dispose', ...given])
  await expect(connection.run(inputs)).rejects.toMatchObject({ message: /has no network/ })
})

test('wrong inputs do not cost the board', async () => {
  const { adapter, connection } = board()
  await connection.upload('a')
  const wrong = new TvmNodeError('ERR_INPUT', 'no')
  Object.assign(adapter, { note: () => Promise.reject(wrong) })
  await expect(connection.run(inputs)).rejects.toBe(wrong)
  expect(connection.state).toBe('loaded')
})

test('a busy board says so', async () => {
  const { adapter, connection } = board()
  adapter.lock = () => Promise.reject(new TvmNodeError('ERR_BOARD_BUSY', 'held by another'))
  await expect(connection.upload('a')).rejects.toMatchObject({ code: 'ERR_BOARD_BUSY' })
})

test('every step of giving back is tried, and the first failure told', async () => {
  const { adapter, connection, log } = board()
  await connection.upload('a')
  adapter.failing.add('teardown').add('disconnect')
  await expect(connection.close()).rejects.toMatchObject({ details: { phase: 'teardown' } })
  expect(log.slice(-3)).toEqual(given)
  expect(connection.state).toBe('closed')
})

test('reset unloads and keeps the board', async () => {
  const { connection, log } = board()
  await connection.upload('a')
  await connection.reset()
  expect(log).toEqual([...taken, 'upload', 'dispose', 'reset'])
  expect(connection.state).toBe('ready')
  await connection.close()
})
