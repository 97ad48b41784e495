import { need } from '../rpc/remote-function.js'
import type { Module } from '../runtime/index.js'
import type { BoardUsage } from '../session/session.js'

const NUMBER = 8

/** What the board runtime says of the calls since it was last asked (see native/board/src/functions.c). */
export function boardUsage(session: Module): BoardUsage {
  const bytes = Buffer.from(need(session, 'tvm_node.board.statistics')() as Uint8Array)
  const number = (i: number) => Number(bytes.readBigUInt64LE(i * NUMBER))
  const [ticksPerSecond, isCounting, ticks, variables] = [number(0), number(1), number(2), number(3)]
  const [arenaPeak, stackPeak] = [number(6), number(8)]
  return {
    ...(isCounting ? { instructions: ticks } : {}),
    us: (ticks / ticksPerSecond) * 1e6,
    memory: { variables, heap: arenaPeak, stack: stackPeak },
  }
}
