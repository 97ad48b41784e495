import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import { scratchFolder } from '../support/scratch.js'
import { startService } from '../support/service.js'

test('a training loop in plain Python has its epochs checked, and takes the network home', async () => {
  const service = await startService()
  const file = join(scratchFolder(), 'linear.tvm')
  const { stdout } = await promisify(execFile)(
    'python3',
    ['examples/python/train.py', service.origin as string, file],
    {
      env: { ...process.env, TVM_NODE_TOKEN: service.token, PYTHONDONTWRITEBYTECODE: '1' },
    },
  )
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^epoch 0: measured MSE \d\.\de-1\d$/),
    'epoch 1: skipped not_due',
    expect.stringMatching(/^epoch 2: measured MSE \d\.\de-1\d$/),
    'epoch 3: skipped not_due',
    expect.stringMatching(/^epoch 4: measured MSE \d\.\de-1\d$/),
  ])
  expect(service.load.backends).toBe(0)
  await using session = await load(file)
  const { y } = await session.run({ x: tensor(new Float32Array(16), [1, 16]) })
  expect(y?.data).toEqual(new Float32Array(4))
})
