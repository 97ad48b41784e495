import { InvalidArgumentError, Option } from 'commander'
import { LOOPBACK, PORT_END } from '../rpc/address.js'

/** A TCP port; 0 is any free one. */
export function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value < 65536) return value
  throw new InvalidArgumentError('It must be a port, from 0 to 65535.')
}

export const boardOption = () =>
  new Option('--board <name>', 'board to run on, by its name or the path of its description')
export const trackerOption = () => new Option('--tracker <host:port>', 'tracker that knows the board')
export const hostOption = () =>
  new Option('--host <address>', 'address to listen on; beyond loopback anyone there can run code').default(
    LOOPBACK,
  )
export const portOption = (first: number) =>
  new Option('--port <number>', 'port to listen on, 0 for any free one').argParser(port).default(first)
export const portEndOption = () =>
  new Option('--port-end <number>', 'the ports before this one are tried in order')
    .argParser(port)
    .default(PORT_END)
