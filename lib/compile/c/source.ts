import { TvmNodeError } from '../../errors.js'
import type { Module, TvmArg } from '../../runtime/index.js'
import { defineDotTiles } from './dot-tiles.js'
import { keepFloatConstants, writeConstants } from './float-constants.js'
import { defineReinterpretations, reinterpretInUnions } from './reinterpretation.js'

/** What generated code does on purpose, by the warnings that compilers give for it. */
const warnings = [
  // All functions are handed the same memory, and intermediate values may be left without use.
  'unused-parameter',
  'unused-variable',
  // Of booleans it takes the bytes.
  'incompatible-pointer-types',
]

/** The passes over lowered functions that `sourceOf` relies on, in the form of TVM's configuration `tir.add_lower_pass`. */
export function sourcePasses(): readonly TvmArg[] {
  return [...keepFloatConstants(), ...reinterpretInUnions()]
}

/**
 * The source of a module of generated C, as any compiler takes it.
 *
 * @throws `ERR_NO_IMPLEMENTATION` for numbers that C has not
 */
export function sourceOf(module: Module): string {
  const generated = module.getSource('c')
  if (/\bhalf\b/.test(generated))
    throw new TvmNodeError(
      'ERR_NO_IMPLEMENTATION',
      "the network computes with float16, which C does not have; use a target of kind 'llvm', or float32",
    )
  const source = defineDotTiles(defineReinterpretations(writeConstants(generated)))
  const pragmas = warnings.map((warning) => `#pragma GCC diagnostic ignored "-W${warning}"\n`)
  return `#ifdef __GNUC__\n${pragmas.join('')}#endif\n${source}`
}
