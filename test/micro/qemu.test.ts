import { expect, test, vi } from 'vitest'
import type { Board } from '#lib/boards/board.js'
import { buildFor } from '#lib/boards/build-options.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { compile } from '#lib/compile/compile.js'
import { ConfigEntity } from '#lib/schedule-config/config-entity.js'
import { other, split } from '#lib/schedule-config/knob.js'
import { TrialError, type TuningRecord } from '#lib/schedule-config/record.js'
import { load } from '#lib/session/load.js'
import { largestDifference, network } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { hasTool } from '../support/tools.js'

const boards = [
  ['qemu_cortex_m3', 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['qemu_cortex_m4', 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['qemu_cortex_m7', 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['qemu_cortex_m55', 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['qemu_riscv32', 'riscv64-unknown-elf-gcc', 'qemu-system-riscv32'],
] as const

for (const [name, compiler, simulator] of boards) {
  test.skipIf(!hasTool(compiler) || !hasTool(simulator))(
    `${name} runs a quantised network to the bit, in the same number of instructions each time (needs ${compiler}, ${simulator})`,
    async () => {
      const { model, inputs } = network('kws_dscnn_int8')
      await using here = await compile(model, { target: 'llvm' })
      await using local = await load(here)
      const [[output, expected] = ['', undefined]] = Object.entries(await local.run(inputs))
      const board = findBoard(name)
      await using artifact = await compile(model, buildFor(board))
      const counts = new Set<number | undefined>()
      for (const _ of [1, 2]) {
        await using connection = openBoard(board)
        const session = await connection.upload(artifact)
        for (const _ of [1, 2]) {
          const outputs = await session.run(inputs)
          // Multiples of 1/255: those of one step less differ by far more.
          expect(largestDifference(outputs[output], expected)).toBeLessThan(1e-7)
          counts.add((await session.usage?.())?.instructions)
        }
      }
      expect([...counts]).toEqual([expect.any(Number)])
      // 2.7 million multiplications, of which no processor here does more than a few at a time.
      expect([...counts][0]).toBeGreaterThan(1_000_000)
    },
  )
}

test.skipIf(!hasTool('arm-none-eabi-gcc') || !hasTool('qemu-system-arm'))(
  'products of pairs in one instruction give the same outputs in fewer of them (needs arm-none-eabi-gcc, qemu-system-arm)',
  async () => {
    const { model, inputs } = network('kws_dscnn_int8')
    const board = findBoard('qemu_cortex_m4')
    // The network's 1x1 convolutions, which are three quarters of its work.
    const tensors = [
      ['TENSOR', [1, 64, 25, 5], 'int8'],
      ['TENSOR', [64, 64, 1, 1], 'int8'],
    ]
    const args = [...tensors, [1, 1], [0, 0, 0, 0], [1, 1], 'NCHW', 'NCHW', 'int32']
    const tile = {
      tile_ic: split(-1, 64),
      tile_oc: split(-1, 64),
      tile_ow: split(-1, 5),
      tile_lanes: other(2),
    }
    const record = {
      target: 'c -keys=cpu ',
      workload: { task: 'conv2d_NCHWc_dsp.arm_cpu', args },
      config: ConfigEntity.of(tile).toPlain(),
      ...{ costs: [1e-6], error: TrialError.NONE, elapsed: 0, timestamp: 0 },
    } as TuningRecord
    const runs = []
    for (const records of [[], [record]]) {
      await using artifact = await compile(model, { ...buildFor(board), records })
      await using connection = openBoard(board)
      const session = await connection.upload(artifact)
      const [output] = Object.values(await session.run(inputs))
      runs.push({ output, instructions: (await session.usage?.())?.instructions ?? 0 })
    }
    const [before, after] = runs
    expect(after?.output).toEqual(before?.output)
    expect(after?.instructions).toBeLessThan((before?.instructions ?? 0) / 1.3)
  },
)

const small = (name: string, flash: number, ram: number): Board => {
  const board = findBoard(name)
  const { micro } = board
  if (!micro?.firmware?.flash || !micro.firmware.ram) throw new Error(`${name} has no memory`)
  const firmware = {
    ...micro.firmware,
    flash: { ...micro.firmware.flash, bytes: flash },
    ram: { ...micro.firmware.ram, bytes: ram },
  }
  return { ...board, micro: { ...micro, firmware } }
}

test.skipIf(!hasTool('arm-none-eabi-gcc')).each([
  // 22 kB of weights, an input of 49 by 10, layers of 64 channels over 25 by 5.
  ['constants', 30_000, 1 << 20, 'flash', /constant int8|constant int32|constant float32/],
  ['code', 50_000, 1 << 20, 'flash', /constant/],
  ['workspace', 1 << 20, 70_000, 'ram', /tensors of tvmgen_default_fused/],
] as const)(
  'a network that does not fit is refused: too little memory for its %s (needs arm-none-eabi-gcc)',
  async (_what, flash, ram, kind, most) => {
    const board = small('qemu_cortex_m4', flash, ram)
    await using artifact = await compile(network('kws_dscnn_int8').model, buildFor(board))
    await using connection = openBoard(board)
    const refused = await connection.upload(artifact).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'ERR_BOARD_MEMORY',
      message: expect.stringMatching(most),
      details: { kind, bytes: expect.any(Number) },
    })
  },
)

test('a tool that is missing is named, with how to get it, before anything is built', async () => {
  vi.stubEnv('PATH', '/nowhere')
  try {
    await using connection = openBoard(findBoard('qemu_cortex_m4'))
    await expect(connection.upload('none.tvm')).rejects.toMatchObject({
      code: 'ERR_BOARD',
      message: expect.stringContaining('apt-get install gcc-arm-none-eabi'),
      details: { phase: 'setup' },
    })
  } finally {
    vi.unstubAllEnvs()
  }
})

test('the command line lists tools for boards', async () => {
  const { json } = await cli(['micro', 'doctor', '--json'])
  expect(json.map(({ command }) => command)).toEqual(
    expect.arrayContaining([
      'arm-none-eabi-gcc',
      'qemu-system-arm',
      'riscv64-unknown-elf-gcc',
      'qemu-system-riscv32',
    ]),
  )
  expect(json.find(({ command }) => command === 'qemu-system-arm')).toMatchObject({
    install: 'apt-get install qemu-system-arm',
    boards: expect.arrayContaining(['qemu_cortex_m4']),
  })
})
