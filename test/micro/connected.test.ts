import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Board, boardSchema } from '#lib/boards/board.js'
import { buildFor } from '#lib/boards/build-options.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { largestDifference, network } from '../support/artifacts.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const scratch = scratchFolder()
const port = join(scratch, 'ttyBoard')
const pid = join(scratch, 'pid')

/** Stands in for a tool that writes flash: what is at the other end of the port is QEMU with the new program from then on. */
const flash = `kill "$(cat ${pid})"; rm -f ${port}
setsid socat PTY,link=${port},raw,echo=0 "EXEC:qemu-system-arm -M mps2-an386 -icount shift=7 -display none -monitor none -serial stdio -kernel $0" >/dev/null 2>&1 &
echo $! > ${pid}
while [ ! -e ${port} ]; do sleep 0.05; done`

function connected(serial: object): Board {
  const { micro, ...board } = findBoard('qemu_cortex_m4')
  const { firmware, aot: _aot, ...rest } = micro ?? {}
  const flags = [...(firmware?.flags ?? []), '-DBOARD_CMSDK_UART=0x40004000']
  return boardSchema.parse({
    ...board,
    name: 'bench',
    micro: {
      ...rest,
      simulator: null,
      firmware: { ...firmware, flags },
      serial: { flash: ['true'], ...serial },
    },
  })
}

function unplug(): void {
  if (existsSync(pid)) execFileSync('sh', ['-c', `kill $(cat ${pid}) || true; rm -f ${port}`])
}
afterAll(unplug)

const tools = ['arm-none-eabi-gcc', 'qemu-system-arm', 'socat'] as const
const withTools = test.skipIf(!tools.every(hasTool))

withTools(
  `a board at a serial port runs what is flashed (needs ${tools.join(', ')})`,
  // Beside other work the pseudo terminals and QEMU sometimes do not find to each other.
  { timeout: 90_000, retry: 2 },
  async () => {
    unplug()
    const before = spawn('socat', [`PTY,link=${port},raw,echo=0`, 'EXEC:sleep 1000'], { stdio: 'ignore' })
    writeFileSync(pid, String(before.pid))
    await until(() => existsSync(port))
    const { model, inputs } = network('kws_dscnn_int8')
    await using here = await compile(model, { target: 'llvm' })
    await using local = await load(here)
    const [[output, expected] = ['', undefined]] = Object.entries(await local.run(inputs))
    const board = connected({ path: port, flash: ['sh', '-c', flash, '{image}'] })
    await using artifact = await compile(model, buildFor(board))
    const counts = []
    for (const _ of [1, 2]) {
      await using connection = openBoard(board)
      const session = await connection.upload(artifact)
      const outputs = await session.run(inputs)
      expect(largestDifference(outputs[output], expected)).toBeLessThan(1e-7)
      counts.push((await session.usage?.())?.instructions)
    }
    expect(Number(readFileSync(pid, 'utf8'))).not.toBe(before.pid)
    // Counted by the same clock as over semihosting.
    expect(counts[0]).toBeGreaterThan(1_000_000)
  },
)

withTools.each([
  [
    'its port is not there',
    { serial_number: 'none', path: undefined },
    /no serial port \(serialNumber none\)/,
  ],
  [
    'its flash cannot be written',
    { path: '/dev/null', flash: ['sh', '-c', 'echo no probe >&2; exit 3'] },
    /sh failed: no probe/,
  ],
  [
    'the tool for it is missing',
    { path: '/dev/null', flash: ['no-such-tool'] },
    /no-such-tool failed: .*ENOENT/,
  ],
  ['what is at the path is no port', { path: '/dev/null' }, /null is no serial port/],
] as const)(`a board is refused where %s (needs ${tools.join(', ')})`, async (_why, serial, message) => {
  const board = connected(serial)
  await using artifact = await compile(network('kws_dscnn_int8').model, buildFor(board))
  await using connection = openBoard(board)
  await expect(connection.upload(artifact)).rejects.toMatchObject({
    code: expect.stringMatching(/ERR_BOARD|ERR_CONNECTION/),
    message: expect.stringMatching(message),
  })
})
