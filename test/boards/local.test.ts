import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { tensor } from '#lib/tensor.js'
import { artifactOf } from '../support/artifacts.js'
import { childrenOf } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const adding = (value: number, size: number) => ({
  opset: 17,
  inputs: { x: { dtype: 'float32' as const, shape: [size] } },
  nodes: [{ op: 'Add', inputs: ['x', 'b'], outputs: ['y'] }],
  outputs: ['y'],
  initializers: { b: tensor(new Float32Array(size).fill(value)) },
})

test.each(['process', 'thread'] as const)(
  'artifacts follow each other on this machine (%s)',
  async (isolation) => {
    const one = await artifactOf(adding(1, 2), join(folder, `one-${isolation}.tvm`))
    const two = await artifactOf(adding(2, 3), join(folder, `two-${isolation}.tvm`))
    await using board = openBoard(findBoard('local_cpu'), { isolation })
    const before = childrenOf()
    for (const [path, size, expected] of [
      [one, 2, 1],
      [two, 3, 2],
      [one, 2, 1],
    ] as const) {
      const session = await board.upload(path)
      expect(session.inputs).toMatchObject([{ shape: [size] }])
      const { y } = await board.run({ x: tensor(new Float32Array(size)) })
      expect(y).toMatchObject({ shape: [size], data: new Float32Array(size).fill(expected) })
    }
    const started = childrenOf().filter((pid) => !before.includes(pid))
    expect(started).toHaveLength(isolation === 'process' ? 1 : 0)
  },
)

test('an artifact that cannot be loaded costs the board, which is taken anew', async () => {
  const one = await artifactOf(adding(1, 2), join(folder, 'good.tvm'))
  await using board = openBoard(findBoard('local_cpu'))
  await board.upload(one)
  await expect(board.upload(join(folder, 'none.tvm'))).rejects.toMatchObject({
    code: 'ERR_BOARD',
    details: { phase: 'upload', code: 'ERR_ARTIFACT_READ' },
  })
  await board.upload(one)
  expect(await board.run({ x: tensor(new Float32Array(2)) })).toMatchObject({
    y: { data: Float32Array.of(1, 1) },
  })
})

test('an upload that is aborted leaves no process', async () => {
  const one = await artifactOf(adding(1, 2), join(folder, 'aborted.tvm'))
  const before = childrenOf().length
  const board = openBoard(findBoard('local_cpu'))
  await board.upload(one)
  const controller = new AbortController()
  const uploading = board.upload(one, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(uploading).rejects.toThrow('enough')
  await board.upload(one)
  await board.close()
  await expect.poll(() => childrenOf().length).toBeLessThanOrEqual(before)
})
