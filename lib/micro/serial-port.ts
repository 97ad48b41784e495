import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TvmNodeError } from '../errors.js'

/** A serial port of this machine. */
export interface SerialPort {
  /** The device, such as `/dev/ttyACM0`. */
  readonly path: string
  /** Of the USB device behind it, where there is one. */
  readonly serialNumber?: string
  readonly manufacturer?: string
  readonly product?: string
  /** Four hexadecimal digits each. */
  readonly vendorId?: string
  readonly productId?: string
}

/** What a board's port is known by. All that is given must agree. */
export type SerialPortQuery = {
  readonly [Key in Exclude<keyof SerialPort, 'manufacturer' | 'product'>]?: string | undefined
}

/** Folders to go up from a port to its USB device at most. */
const HIGHEST = 6

/**
 * Lists the serial ports that have hardware behind them, by path.
 *
 * @param root - Where the kernel shows its devices; for tests.
 */
export function listSerialPorts(root = '/sys/class/tty'): SerialPort[] {
  if (!existsSync(root)) return []
  const names = readdirSync(root).filter((name) => existsSync(join(root, name, 'device')))
  // Places for ports that no chip is behind are of type 0.
  const real = names.filter((name) => field(join(root, name), 'type') !== '0')
  return real.sort().map((name) => ({ path: `/dev/${name}`, ...usbDevice(join(root, name, 'device')) }))
}

function usbDevice(device: string): Omit<SerialPort, 'path'> {
  let folder = realpathSync(device)
  for (let i = 0; i < HIGHEST; i++, folder = dirname(folder)) {
    const vendorId = field(folder, 'idVendor')
    if (vendorId === undefined) continue
    const all = {
      serialNumber: field(folder, 'serial'),
      manufacturer: field(folder, 'manufacturer'),
      product: field(folder, 'product'),
      vendorId,
      productId: field(folder, 'idProduct'),
    }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }
  return {}
}

function field(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * The one port that a query means. A path alone may also be that of a link to a port, or of a terminal that is not listed.
 *
 * @throws `ERR_BOARD` when there is none, or several, of which the message tells the serial numbers
 */
export function findSerialPort(query: SerialPortQuery, ports = listSerialPorts()): SerialPort {
  const { path } = query
  const unlisted = path !== undefined && existsSync(path) && !ports.some((port) => port.path === path)
  if (unlisted) return findSerialPort({ ...query, path: realpathSync(path) }, withTerminal(path, ports))
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined)
  const fits = (port: SerialPort) =>
    wanted.every(([key, value]) => port[key as keyof SerialPort]?.toLowerCase() === value?.toLowerCase())
  const found = ports.filter(fits)
  const [port] = found
  if (port && found.length === 1) return port
  const asked = wanted.map(([key, value]) => `${key} ${value}`).join(', ') || 'any'
  const message =
    found.length > 1
      ? `${found.length} serial ports fit (${asked}); choose one by its serial number or path: ${list(found)}`
      : `there is no serial port (${asked}); connected are ${list(ports) || 'none'}`
  throw new TvmNodeError('ERR_BOARD', message, { details: { phase: 'connect', ports: found } })
}

function withTerminal(path: string, ports: readonly SerialPort[]): SerialPort[] {
  const real = realpathSync(path)
  return ports.some((port) => port.path === real) ? [...ports] : [...ports, { path: real }]
}

function list(ports: readonly SerialPort[]): string {
  return ports
    .map(({ path, serialNumber, product }) => {
      const about = [product, serialNumber && `serial number ${serialNumber}`].filter(Boolean).join(', ')
      return about ? `${path} (${about})` : path
    })
    .join('; ')
}
