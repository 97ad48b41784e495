import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { findSerialPort, listSerialPorts } from '#lib/micro/serial-port.js'
import { native } from '#lib/native.js'
import { getGlobalFunc, type Module, openLibrary, type PackedFunc } from '#lib/runtime/index.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const scratch = scratchFolder()

/** A tree as the kernel shows it: two equal boards, a converter without a serial number, a chip, and a place for one. */
function devices(): string {
  const [classes, bus] = [join(scratch, 'tty'), join(scratch, 'devices')]
  const write = (folder: string, fields: Record<string, string>) => {
    mkdirSync(folder, { recursive: true })
    for (const [name, value] of Object.entries(fields)) writeFileSync(join(folder, name), `${value}\n`)
  }
  const port = (name: string, device: string, fields: Record<string, string> = {}) => {
    write(join(classes, name), fields)
    mkdirSync(device, { recursive: true })
    symlinkSync(device, join(classes, name, 'device'))
  }
  const board = { idVendor: '0483', idProduct: '374b', manufacturer: 'STMicroelectronics', product: 'STLINK' }
  for (const i of [0, 1]) {
    write(join(bus, `1-${i}`), { ...board, serial: `066EFF${i}` })
    port(`ttyACM${i}`, join(bus, `1-${i}`, `1-${i}:1.2`))
  }
  write(join(bus, '1-2'), { idVendor: '1a86', idProduct: '7523', product: 'USB Serial' })
  port('ttyUSB0', join(bus, '1-2', '1-2:1.0', 'ttyUSB0'))
  port('ttyS0', join(bus, 'serial8250', 'ttyS0'), { type: '4' })
  port('ttyS1', join(bus, 'serial8250', 'ttyS1'), { type: '0' })
  mkdirSync(join(classes, 'tty1'))
  return classes
}
const ports = listSerialPorts(devices())

test('ports are listed with what is behind them', () => {
  expect(ports.map(({ path }) => path)).toEqual([
    '/dev/ttyACM0',
    '/dev/ttyACM1',
    '/dev/ttyS0',
    '/dev/ttyUSB0',
  ])
  expect(ports[1]).toEqual({
    path: '/dev/ttyACM1',
    serialNumber: '066EFF1',
    manufacturer: 'STMicroelectronics',
    product: 'STLINK',
    vendorId: '0483',
    productId: '374b',
  })
  expect(ports[2]).toEqual({ path: '/dev/ttyS0' })
  expect(listSerialPorts(join(scratch, 'nowhere'))).toEqual([])
})

test('of two equal boards the serial number chooses', () => {
  expect(findSerialPort({ vendorId: '1A86' }, ports).path).toBe('/dev/ttyUSB0')
  expect(findSerialPort({ vendorId: '0483', serialNumber: '066eff1' }, ports).path).toBe('/dev/ttyACM1')
  const both = () => findSerialPort({ vendorId: '0483' }, ports)
  expect(both).toThrow(/2 serial ports fit.*ttyACM0 \(STLINK, serial number 066EFF0\); \/dev\/ttyACM1/)
  expect(() => findSerialPort({ serialNumber: '9' }, ports)).toThrow(
    /no serial port \(serialNumber 9\).*ttyS0/,
  )
})

test.skipIf(!hasTool('socat') || !hasTool('cc'))(
  'a session runs over a serial line (needs socat, cc)',
  async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const board = join(root, 'native/board')
    const program = join(scratch, 'board')
    const sources = readdirSync(join(board, 'src')).filter((name) => name.endsWith('.c'))
    const include = ['native/board/include', 'native/board/src', 'native/c-backend'].map((path) =>
      join(root, path),
    )
    execFileSync('cc', [
      ...['-std=c99', '-O1', '-o', program, ...include.flatMap((folder) => ['-I', folder])],
      ...sources.map((name) => join(board, 'src', name)),
      ...[join(board, 'ports/posix/port.c'), join(root, 'test/fixtures/micro/doubling.c')],
    ])
    const path = join(scratch, 'ttyBoard')
    const terminal = spawn('socat', [`PTY,link=${path},raw,echo=0`, `EXEC:${program}`], { stdio: 'ignore' })
    try {
      await until(() => existsSync(path))
      openLibrary({ kind: 'runtime' })
      const line = native.lineOpen(native.lineSerial(path, 115200))
      const [send, receive] = native.lineFunctions(line) as [PackedFunc, PackedFunc]
      const connect = getGlobalFunc('micro._rpc_connect')
      const session = connect('board', send, receive, 2e6, 5e6, 5e6, null, false) as Module
      const find = session.getFunction('tvm.rpc.server.GetCRTMaxPacketSize')
      expect(find?.()).toBe(2037)
      session.getFunction('CloseRPCConnection')?.()
      native.lineFlush(line, 1000)
      native.lineClose(line)
    } finally {
      const ended = once(terminal, 'exit')
      terminal.kill()
      await ended
    }
  },
)
