// Opens sessions with boards that run without hardware, one after another with a board that starts anew each time: all must succeed at
// the first attempt. Tells what a call that does nothing takes, what a copy of 1 MB to the board takes, and how much code the board
// runtime has.
//
// usage: npm run soak:board-sessions -- [--boards NAME,NAME] [--sessions 1000] [--simulated 100] [--json]
//   --simulated  sessions with each board in a simulator of a processor
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readArguments, report } from '../../bench/support.mjs'
import { boardNames, findBoard } from '../../dist/boards/find.js'
import { platformOf } from '../../dist/boards/micro.js'
import { connectBoard } from '../../dist/micro/connect.js'
import { buildFirmware } from '../../dist/micro/firmware.js'
import { openLine } from '../../dist/micro/line.js'
import { remoteCpu } from '../../dist/rpc/board-timing.js'
import { NDArray, openLibrary } from '../../dist/runtime/index.js'
import { summarize } from '../../dist/statistics.js'

const options = readArguments({ boards: '', sessions: 1000, simulated: 100 })
const all = boardNames().filter((name) => findBoard(name).micro?.simulator)
const names = options.boards ? options.boards.split(',') : all
const MEGABYTE = 1 << 20
/** What the board takes at a time. */
const MESSAGE = 2037
const CALLS = 300
const COPIES = 10

openLibrary({ kind: 'runtime' })
const doubling = readFileSync(new URL('../../test/fixtures/micro/doubling.c', import.meta.url))

function timed(count, work) {
  const times = Array.from({ length: count }, () => {
    const started = performance.now()
    work()
    return performance.now() - started
  })
  return summarize(times)
}

function call(session, name) {
  const found = session.getFunction(name)
  const answer = found()
  found.dispose()
  return answer
}

/** Calls and copies within one session, in microseconds and milliseconds. */
function measure(session) {
  const empty = session.getFunction('tvm.rpc.server.GetCRTMaxPacketSize')
  const call = timed(CALLS, () => empty())
  // Whatever is held of a session keeps its place in the library's table, which has 32.
  empty.dispose()
  const data = Int8Array.from({ length: MEGABYTE }, (_, i) => i * 31)
  const tensor = { dtype: 'int8', shape: [MEGABYTE], data }
  let copy
  try {
    const array = NDArray.empty([MEGABYTE], 'int8', remoteCpu(session))
    copy = timed(COPIES, () => array.copyFrom(tensor))
    array.dispose()
  } catch {
    // The board has less memory than that.
  }
  return { call_us: call.median * 1000, ...(copy && { copy_1mb_ms: copy.median }) }
}

const rows = []
for (const name of names) {
  const board = findBoard(name)
  const folder = mkdtempSync(join(tmpdir(), 'tvm-node-sessions-'))
  try {
    const { image, sizes } = await buildFirmware({ 'src/model.c': doubling }, platformOf(board), folder)
    const command = board.micro.simulator.map((word) => word.replaceAll('{image}', image))
    const count = board.micro.firmware.port === 'posix' ? options.sessions : options.simulated
    let failed = 0
    let figures = {}
    const started = performance.now()
    for (let i = 0; i < count; i++) {
      const line = openLine({ kind: 'program', command, log: join(folder, 'log') })
      try {
        const session = connectBoard(line)
        if (call(session, 'tvm.rpc.server.GetCRTMaxPacketSize') !== MESSAGE) throw new Error('wrong answer')
        if (i === 0) figures = measure(session)
        call(session, 'CloseRPCConnection')
        session.dispose()
      } catch (error) {
        failed++
        console.error(`${name}, session ${i}: ${error.message}`)
      } finally {
        line.close()
      }
    }
    const ms = (performance.now() - started) / count
    rows.push({ board: name, sessions: count, failed, ms_a_session: ms, ...figures, code_bytes: sizes.code })
    console.error(JSON.stringify(rows.at(-1)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
report(rows, options)
process.exit(rows.some(({ failed }) => failed > 0) ? 1 : 0)
