import { expect, test } from 'vitest'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { tune } from '#lib/boards/tune.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'
import { hasTool } from '../support/tools.js'

const model = onnxModel({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1, 8, 6, 6] } },
  initializers: { w: randomTensor([8, 8, 3, 3], 'float32', -0.2, 0.2) },
  nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attrs: { pads: [1, 1, 1, 1] } }],
  outputs: ['y'],
})

test.skipIf(!hasTool('arm-none-eabi-gcc') || !hasTool('qemu-system-arm'))(
  'a network is tuned by counting instructions in a simulator, and stays right (needs arm-none-eabi-gcc, qemu-system-arm)',
  { timeout: 120_000 },
  async () => {
    const report = await tune(model, { board: 'qemu_cortex_m4', tuner: { task_budget: 2 } })
    await using artifact = report.artifact
    expect(report.tasks.map(({ name }) => name)).toContain('conv2d_NCHWc.x86')
    // Counts have no noise.
    expect(report.afterMs).toBeLessThanOrEqual(report.beforeMs)
    const feeds = { x: randomTensor([1, 8, 6, 6]) }
    await using connection = openBoard(findBoard('qemu_cortex_m4'))
    const session = await connection.upload(artifact)
    expectClose(await session.run(feeds), await runReference(model, feeds))
    const { instructions } = (await session.usage?.()) ?? {}
    expect(instructions).toBeGreaterThan(6 * 6 * 8 * 8 * 9)
  },
)
