import { z } from 'zod'
import { alignmentSchema, defaultAlignment } from '../compile/aot/alignment.js'
import { TvmNodeError } from '../errors.js'
import { desiredLayoutsSchema } from '../ops/desired-layouts.js'
import { sshHostSchema } from './ssh-host.js'

/** Limits of a device that auto_scheduler searches within (TVM v0.18, include/tvm/auto_scheduler/search_task.h). */
const hardwareParams = z.strictObject({
  num_cores: z.int().min(1).default(4),
  vector_unit_bytes: z.int().min(1).default(64),
  cache_line_bytes: z.int().min(1).default(64),
  max_shared_memory_per_block: z.int().min(0).default(65536),
  max_local_memory_per_block: z
    .int()
    .min(0)
    .default(2 ** 31 - 1),
  max_threads_per_block: z.int().min(0).default(1024),
  max_vthread_extent: z.int().min(0).default(8),
  warp_size: z.int().min(0).default(32),
})

/** Automate's notation of leases. */
const LEASE = /^(\d+)([dhms]?)$/
const secondsOf: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }
/** Milliseconds: what a busy machine may need for its signs of life. */
const SHORTEST_LEASE = 20_000

const passValue = z.union([z.boolean(), z.number(), z.string()])

/** How the ahead-of-time executor is built for a board without an operating system. */
const aot = z.strictObject({
  prologue: z.string().default('').describe('Statements of C that the program does before it serves.'),
  epilogue: z.string().default('').describe('Statements of C that it does after that.'),
  includes: z
    .array(z.string())
    .default([])
    .describe("Headers that those need, such as 'board_pins.h' or '<math.h>'."),
  pass_config: z.record(z.string(), passValue).default({}).describe('Pass options of the build.'),
  interface_api: z
    .literal('c')
    .default('c')
    .describe("How the network is called; the packed interface would need TVM's own C runtime."),
  workspace_byte_alignment: alignmentSchema
    .default(defaultAlignment.workspace)
    .describe('Bytes that tensors in the workspace are aligned to.'),
  constant_byte_alignment: alignmentSchema
    .default(defaultAlignment.constants)
    .describe('Bytes that constants are aligned to.'),
  use_workspace_io: z
    .literal(false)
    .default(false)
    .describe('Whether inputs and outputs are in the workspace; they are variables of the program.'),
  workspace_bytes: z
    .int()
    .min(0)
    .default(262144)
    .describe('Bytes that a network may work in; one that needs more is refused before anything is built.'),
})

const region = z.strictObject({ start: z.int().min(0), bytes: z.int().min(1) })

/** How the program of a board is built from this package's own board runtime. */
const firmware = z.strictObject({
  port: z.string().describe("A port of the board runtime, such as 'posix' or 'cortex-m'."),
  compiler: z
    .string()
    .default('')
    .describe(
      "What the names of compiler and tools begin with, such as 'arm-none-eabi-'; empty for this machine's.",
    ),
  flags: z.array(z.string()).default([]).describe('For compiler and linker.'),
  flash: region.nullable().default(null).describe('For code and constants.'),
  ram: region.nullable().default(null).describe('For variables, heap and stack.'),
  stack_bytes: z.int().min(1024).default(32768).describe('What of `ram` is the stack.'),
})

const command = z.array(z.string()).min(1)
const hexadecimal = z.string().regex(/^[0-9a-fA-F]{4}$/, 'must be four hexadecimal digits')

/** A board at a serial port of this machine; what tells the port must mean one alone. */
const serial = z.strictObject({
  path: z.string().optional().describe('The device, such as /dev/ttyACM0.'),
  serial_number: z.string().optional().describe("The USB device's, by which equal boards are told apart."),
  vendor_id: hexadecimal.optional().describe("The USB device's."),
  product_id: hexadecimal.optional().describe("The USB device's."),
  baud: z.int().min(9600).default(115200).describe('Bits a second.'),
  flash: command.describe(
    'A command that writes the program {image} into flash; {port} and {serial_number} are those of the port.',
  ),
  reset: command
    .nullable()
    .default(null)
    .describe('A command that starts the program, where flash does not.'),
})

const micro = z.strictObject({
  firmware: firmware
    .nullable()
    .default(null)
    .describe('How the program is built without a template project.'),
  simulator: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe(
      'A command that runs the program {image} with the line to the host at its standard input and output.',
    ),
  serial: serial
    .nullable()
    .default(null)
    .describe('A board that is connected, and how programs get onto it.'),
  template_dir: z.string().nullable().default(null).describe('Folder of the template project.'),
  project_options: z.record(z.string(), z.unknown()).default({}).describe("The template's own options."),
  executor: z
    .enum(['aot', 'graph'])
    .default('aot')
    .describe(
      "What runs a network: 'aot' has all of it in the board's program, 'graph' its operators, which this machine calls one after the other.",
    ),
  aot: aot.nullable().default(null),
})

/** Everything a board is described by. */
export const boardSchema = z.strictObject({
  name: z.string().min(1).describe('The key under which the board is locked and known to the tracker.'),
  target: z.string().min(1).default('llvm').describe("What to compile for, in TVM's notation."),
  target_host: z.string().nullable().default(null).describe('Target of the code that calls the kernels.'),
  connector: z
    .enum(['default', 'local', 'ssh', 'rpc', 'automate', 'micro'])
    .default('default')
    .describe(
      "How the board is reached; 'default' is 'micro' where `micro` is given, 'ssh' where `ssh` is, 'rpc' where `tracker` is, else 'automate'.",
    ),
  ssh: z
    .union([sshHostSchema, z.array(sshHostSchema).min(1)])
    .nullable()
    .default(null)
    .describe('The host that is the board, or several equal ones, of which tuning uses all that are free.'),
  server: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "Shell command that runs a server of TVM's protocol on the board's loopback under the key $KEY, or 'agent' for a small one that is brought to it; default the first of tvm-node, Python's and TVM's own that the board has, else the agent.",
    ),
  lease: z
    .string()
    .regex(LEASE, "must be a number with 's', 'm', 'h' or 'd', such as 60s")
    .default('60s')
    .describe(
      'After how long a board behind SSH is free again when its run is lost, at least 20s; a number alone counts seconds.',
    ),
  tracker: z.string().nullable().default(null).describe('host:port of a tracker that runs already.'),
  opencl: z.boolean().default(false).describe('Whether a rebuilt runtime has OpenCL.'),
  cuda: z.boolean().default(false).describe('Whether a rebuilt runtime has CUDA.'),
  rebuild_runtime: z.boolean().default(false).describe("Whether to build TVM's runtime on the board first."),
  setup: z.array(z.string()).default([]).describe('Shell commands that run on the board before its use.'),
  teardown: z.array(z.string()).default([]).describe('Shell commands that run on the board after its use.'),
  hardware_params: hardwareParams.nullable().default(null).describe('Limits for auto_scheduler.'),
  build: z
    .record(z.string(), passValue)
    .default({})
    .describe('Pass options of the build; any here replace the ones that follow from the target.'),
  micro: micro.nullable().default(null).describe('A board without an operating system.'),
  desired_layouts: desiredLayoutsSchema
    .nullable()
    .default(null)
    .describe("Operator to [data layout, kernel layout]; 'default' leaves one as it is."),
  rpc_runner: z
    .enum(['gvsoc'])
    .nullable()
    .default(null)
    .describe('A simulator that runs candidates of a tuner.'),
  never_run: z
    .boolean()
    .default(false)
    .describe('Whether nobody has run a network on the hardware by this description yet.'),
  disable_vectorize: z.boolean().nullable().default(null).describe('Whether code has no vector operations.'),
})

/** A board with every field; configuration keys are snake_case. */
export interface Board extends z.output<typeof boardSchema> {}
/** A board as people write it: what has a default may be left out. */
export interface BoardInput extends z.input<typeof boardSchema> {}

/** Milliseconds of a board's lease. @throws `ERR_CONFIG` for one that is too short */
export function leaseOf({ name, lease }: Board): number {
  const [, count = '', unit = ''] = LEASE.exec(lease) ?? []
  const ms = Number(count) * (secondsOf[unit] ?? 1) * 1000
  if (ms >= SHORTEST_LEASE) return ms
  throw new TvmNodeError('ERR_CONFIG', `board '${name}': lease must be at least 20s, got ${lease}`, {
    details: { path: 'lease' },
  })
}

/** How the board is reached once `default` is resolved. */
export function connectorOf(board: Board): Exclude<Board['connector'], 'default'> {
  const { connector, micro, ssh, tracker } = board
  if (connector !== 'default') return connector
  if (micro) return 'micro'
  if (ssh) return 'ssh'
  return tracker === null ? 'automate' : 'rpc'
}

/** TVM's pass options for the board: its own, or else those that follow from target and fields; then those of its executor. */
export function passConfigOf({
  build,
  target,
  disable_vectorize,
  micro,
}: Board): Readonly<Record<string, PassValue>> {
  const scalar = disable_vectorize === true || /^c(\s|$)/.test(target)
  const following = scalar ? { 'tir.disable_vectorize': true } : {}
  return { ...(Object.keys(build).length > 0 ? build : following), ...micro?.aot?.pass_config }
}
export type PassValue = z.output<typeof passValue>
