// Feeds mutated graphs and parameters to the graph executor of the agent for boards with Linux, under ASan and UBSan. Needs clang with
// libFuzzer (Debian: clang, libclang-rt-dev).
//
// usage: npm run test:fuzz-agent -- [--runs COUNT] [--seconds MOST] [--corpus FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildFuzzer, runFuzzer, sanitized } from './steps/fuzzer.mjs'
import { root } from './steps/run.mjs'

const folder = join(root, 'build/fuzz-agent')
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '120' },
    corpus: { type: 'string', default: join(folder, 'corpus') },
  },
})
mkdirSync(values.corpus, { recursive: true })
writeFileSync(join(values.corpus, 'seed'), seed())

const agent = join(root, 'native/agent')
const board = join(root, 'native/board')
const program = buildFuzzer(join(folder, 'fuzz'), {
  flags: [...sanitized, '-std=c11', '-DBOARD_MAX_ARGS=512', '-DBOARD_MAX_DIMS=4096', '-DARENA_ALIGNMENT=64U'],
  include: [join(board, 'include'), join(board, 'src'), join(root, 'native/c-backend')],
  sources: [
    ...['fuzz/fuzz.c', 'graph.c', 'json.c'].map((name) => join(agent, name)),
    ...['arena.c', 'call.c', 'wire.c'].map((name) => join(board, 'src', name)),
  ],
})
const limits = [`-runs=${values.runs}`, `-max_total_time=${values.seconds}`, '-print_final_stats=1']
runFuzzer(program, limits, { corpus: values.corpus, folder })

/** A network of one operator with one parameter, from which mutations begin: the graph's length, the graph, the parameters. */
function seed() {
  const operator = { num_outputs: '1', num_inputs: '2', flatten_data: '0', func_name: 'f', hash: 'a' }
  const graph = {
    nodes: [
      { op: 'null', name: 'x', inputs: [] },
      { op: 'null', name: 'p0', inputs: [] },
      {
        op: 'tvm_op',
        name: 'f',
        attrs: operator,
        inputs: [
          [0, 0, 0],
          [1, 0, 0],
        ],
      },
    ],
    arg_nodes: [0, 1],
    heads: [[2, 0, 0]],
    attrs: {
      dltype: ['list_str', ['float32', 'int8', 'float32']],
      device_index: ['list_int', [1, 1, 1]],
      storage_id: ['list_int', [0, 1, 2]],
      shape: ['list_shape', [[1, 4], [4], [1, 4]]],
    },
    node_row_ptr: [0, 1, 2, 3],
  }
  const text = Buffer.from(JSON.stringify(graph))
  const u64 = (value) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return bytes
  }
  // A list of one array by the name p0, and the array: CPU, one dimension of four, int8.
  const list = [u64(0xf7e58d4f05049cb7n), u64(0), u64(1), u64(2), Buffer.from('p0'), u64(1)]
  const array = [
    u64(0xdd5e40f096b4a13fn),
    u64(0),
    u64(1),
    Buffer.from([1, 0, 0, 0, 0, 8, 1, 0]),
    u64(4),
    u64(4),
  ]
  return Buffer.concat([
    Buffer.from([text.length & 255, text.length >> 8]),
    text,
    ...list,
    ...array,
    u64(1).subarray(0, 4),
  ])
}
