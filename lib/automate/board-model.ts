// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of automate.
import { z } from 'zod'

const port = z.int().min(1).max(65535)
const text = z.string().default('')
/** Versions are written with and without quotes. */
export const version = z.union([z.string(), z.number().transform(String)])

/** Another name of a key. */
function aliased<Schema extends z.ZodType>(schema: Schema, names: Readonly<Record<string, string>>) {
  return z.preprocess((tree) => {
    if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return tree
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [names[key] ?? key, value]))
  }, schema)
}

const gateway = z.strictObject({ host: z.string().min(1), username: z.string(), port: port.default(22) })

const connection = z.union([
  z.strictObject({ host: z.string().min(1), username: z.string(), port: port.default(22) }),
  z.strictObject({ device: z.string(), baudrate: z.int().min(1).default(11520) }),
  z.strictObject({
    host: z.string(),
    protocol: z.literal('xilinx_hw').default('xilinx_hw'),
    port: port.default(3121),
  }),
  z.strictObject({
    host: z.string(),
    protocol: z.literal('xilinx_cs').default('xilinx_cs'),
    port: port.default(3121),
  }),
])

const core = aliased(
  z.strictObject({
    num: z.int().min(0),
    isa: text,
    uarch: text,
    vendor: text,
    extensions: z.array(z.string()).default([]),
    description: text,
  }),
  { os_id: 'num', implementer: 'vendor' },
)

const kernel = aliased(
  z.strictObject({
    name: z.string(),
    description: text,
    version: version.default(''),
    commandline: text,
    kernel_config: text,
    kernel_source: text,
    kernel_srcdir: text,
    image: z.strictObject({ build_path: z.string(), deploy_path: z.string() }).nullable().default(null),
    uboot: z
      .strictObject({
        loadaddr: version,
        image_name: z.string(),
        image_compression: z.string().default('none'),
        dtb_image: z.string(),
        dtb_compression: z.string().default('none'),
      })
      .nullable()
      .default(null),
    default: z.boolean().default(false),
  }),
  { config: 'kernel_config', source: 'kernel_source', srcdir: 'kernel_srcdir' },
)

/** Parts by which compilers are chosen. */
export const triple = z.strictObject({
  machine: z.string().describe('aarch64, arm, x86_64, riscv64, ...'),
  vendor: z.string().default('unknown'),
  os: z.string().default('linux'),
  environment: z.string().default('gnu'),
})
export type Triple = z.output<typeof triple>

const os = z.strictObject({
  triple,
  distribution: text,
  release: version.default(''),
  description: text,
  sysroot: z.string().default('${boardroot}/${board_name}/sysroot'),
  rootfs: z.string().default('${boardroot}/${board_name}/${board_name}.img'),
  multiarch: z.boolean().default(false),
  kernels: z.array(kernel).default([]),
})

/** A board of automate's metadata (automate, automate/model/board.py). */
export const boardModelSchema = z.strictObject({
  name: z.string().min(1).describe('What the board is locked under.'),
  board: text.describe('Its type.'),
  hostname: text,
  mac_address: text,
  description: text,
  rundir: z.string().default('.').describe("Folder on the board for one's files."),
  doc: z
    .array(aliased(z.strictObject({ title: text, location: z.string() }), { loc: 'location' }))
    .default([]),
  gateway: gateway.nullable().default(null),
  connections: z.array(connection).default([]),
  cores: z.array(core).default([]),
  os: os.nullable().default(null),
  soc: z
    .strictObject({
      name: z.string(),
      technology: z.number().nullable().default(null).describe('Nanometres.'),
      foundry: z.strictObject({ name: z.string() }).nullable().default(null),
    })
    .nullable()
    .default(null),
  power_supply: z
    .strictObject({
      name: text,
      voltage: z.number().nullable().default(null).describe('Volts.'),
      max_current: z.number().nullable().default(null).describe('Amperes.'),
    })
    .nullable()
    .default(null),
  reset: z.array(z.string()).default([]).describe('Commands of the gateway that restart the board.'),
  available: z.boolean().default(true),
  maintenance: z.boolean().default(false),
})
export type BoardModel = z.output<typeof boardModelSchema>
