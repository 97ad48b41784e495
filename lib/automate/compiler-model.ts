import { join } from 'node:path'
import { z } from 'zod'
import { type BoardModel, type Triple, triple, version } from './board-model.js'

/** Flags by the name of an instruction set or a processor: one text, or several. */
const flags = z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({})
const tool = z.string().default('')

/** A compiler of automate's metadata (automate, automate/model/compiler.py). */
export const compilerModelSchema = z.strictObject({
  name: z.string().min(1),
  triples: z.array(triple).min(1).describe('What it compiles for.'),
  toolchain: z.enum(['gcc', 'llvm', 'unknown']).default('unknown'),
  version,
  basedir: z.string().describe('Folder in which its bin is.'),
  runtime: z.string().default(''),
  cc: tool,
  cxx: tool,
  asm: tool,
  ld: tool,
  ar: tool,
  isa_map: flags,
  uarch_map: flags,
  feature_map: flags,
  description: z.string().default(''),
  prefix: z.string().default(''),
  postfix: z.string().default(''),
  multiarch: z.boolean().default(false),
})
export type CompilerModel = z.output<typeof compilerModelSchema>

/**
 * The compiler for a board: of those that fit its system the newest gcc, or else the newest of all. Undefined when none fits.
 */
export function compilerFor(
  board: BoardModel,
  compilers: readonly CompilerModel[],
): CompilerModel | undefined {
  const { os } = board
  if (!os) return undefined
  const fitting = compilers
    .filter(
      ({ triples, multiarch }) =>
        (multiarch || !os.multiarch) && triples.some((each) => fits(each, os.triple)),
    )
    .sort((a, b) => (sortable(a.version) < sortable(b.version) ? 1 : -1))
  return fitting.find(({ toolchain }) => toolchain === 'gcc') ?? fitting[0]
}

/** The path of its C++ compiler. */
export function cxxOf({ basedir, prefix, cxx, postfix }: CompilerModel): string {
  return join(basedir, 'bin', `${prefix}${cxx}${postfix}`)
}

function fits(a: Triple, b: Triple): boolean {
  return a.os === b.os && a.machine === b.machine && a.environment === b.environment
}

/** Parts of a version compare as numbers do. */
function sortable(text: string): string {
  return text.replace(/\d+/g, (digits) => digits.padStart(8, '0'))
}
