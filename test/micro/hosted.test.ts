import { expect, test } from 'vitest'
import { type Board, boardSchema } from '#lib/boards/board.js'
import { buildFor } from '#lib/boards/build-options.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { largestDifference, network } from '../support/artifacts.js'
import { hasTool } from '../support/tools.js'

/** A board whose networks are executed by this machine. */
function hosted(name: string, ram?: number): Board {
  const { micro, ...board } = findBoard(name)
  const firmware = micro?.firmware
  const smaller = ram !== undefined && firmware?.ram ? { ram: { ...firmware.ram, bytes: ram } } : {}
  return boardSchema.parse({
    ...board,
    micro: { ...micro, executor: 'graph', firmware: { ...firmware, ...smaller } },
  })
}

const ways = [
  ['host_sim', 'cc', 'cc'],
  ['qemu_cortex_m4', 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['qemu_riscv32', 'riscv64-unknown-elf-gcc', 'qemu-system-riscv32'],
] as const
for (const [name, compiler, simulator] of ways) {
  test.skipIf(!hasTool(compiler) || !hasTool(simulator))(
    `${name}: this machine executes the graph, the board its operators, and the outputs are the same (needs ${compiler}, ${simulator})`,
    async () => {
      const { model, inputs } = network('kws_dscnn_int8')
      await using here = await compile(model, { target: 'llvm' })
      await using local = await load(here)
      const [[output, expected] = ['', undefined]] = Object.entries(await local.run(inputs))
      const board = hosted(name)
      await using artifact = await compile(model, buildFor(board))
      expect(artifact.executor).toBe('host')
      await using connection = openBoard(board)
      const session = await connection.upload(artifact)
      for (const _ of [1, 2]) {
        const outputs = await session.run(inputs)
        expect(largestDifference(outputs[output], expected)).toBeLessThan(1e-7)
      }
      const { memory } = (await session.usage?.()) ?? {}
      // 22 kB of weights beside layers of 64 channels over 25 by 5.
      expect(memory?.heap).toBeGreaterThan(30_000)
      const { outputs, metrics, profile } = await session.profile(inputs, { repeat: 2 })
      expect(largestDifference(outputs[output], expected)).toBeLessThan(1e-7)
      const convolutions = profile.filter((each) => each.name.includes('contrib_conv2d'))
      expect(convolutions).toHaveLength(5)
      const share = convolutions.reduce((sum, { percent }) => sum + percent, 0)
      expect(share).toBeGreaterThan(50)
      if (name === 'host_sim') return
      // Counts of instructions have no noise: a run is the sum of its operators.
      const sum = profile.reduce((total, { durationUs }) => total + durationUs, 0)
      expect(sum / metrics.latencyUs.median).toBeCloseTo(1, 3)
    },
  )
}

test.skipIf(!hasTool('arm-none-eabi-gcc'))(
  'parameters that do not fit a board are named before anything is built (needs arm-none-eabi-gcc)',
  async () => {
    const board = hosted('qemu_cortex_m4', 70_000)
    await using artifact = await compile(network('kws_dscnn_int8').model, buildFor(board))
    await using connection = openBoard(board)
    await expect(connection.upload(artifact)).rejects.toMatchObject({
      code: 'ERR_BOARD_MEMORY',
      message: expect.stringMatching(/bytes more of RAM.*(parameter|operator|tensors)/),
    })
  },
)

test('operators of a board are generated as C', async () => {
  const compiling = compile(network('kws_dscnn_int8').model, { target: 'llvm', executor: 'host' })
  await expect(compiling).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TARGET' })
})

test.skipIf(!hasTool('cc'))('such an artifact runs on boards alone (needs cc)', async () => {
  await using artifact = await compile(network('kws_dscnn_int8').model, buildFor(hosted('host_sim')))
  await expect(load(artifact)).rejects.toMatchObject({ code: 'ERR_CPU_FEATURES' })
})
