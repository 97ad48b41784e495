import { tensorBytes } from '../../tensor.js'
import type { AotNetwork, Pool } from './lower.js'

const WORDS_A_LINE = 12
/** What the memory planner aligns to. */
const ALIGNMENT = 16

/**
 * The C source of a network's entry function: it hands the main function what it works on, and holds constants and
 * workspace. The names and sections are those of TVM's own (v0.18, src/target/source/source_module.cc).
 */
export function entrySource({ interface: { name, inputs, outputs }, pools }: AotNetwork): string {
  const main = `tvmgen_${name}___tvm_main__`
  const pointers = [...inputs, ...outputs].map(() => 'void*')
  const parameters = [...pointers, ...pools.map(() => 'uint8_t*')].join(', ')
  const values = [
    ...inputs.map((input) => `(void*)inputs->${input.name}`),
    ...outputs.map((output) => `outputs->${output.name}`),
    ...pools.map((_, i) => `(uint8_t*)pool${i}`),
  ]
  return `#include "tvmgen_${name}.h"

${pools.map(poolSource).join('')}
int32_t ${main}(${parameters || 'void'});

int32_t tvmgen_${name}_run(struct tvmgen_${name}_inputs* inputs,
                           struct tvmgen_${name}_outputs* outputs) {
  return ${main}(${values.join(', ')});
}
`
}

function poolSource({ bytes, constants }: Pool, index: number): string {
  const aligned = `aligned(${ALIGNMENT})`
  if (!constants)
    return `static uint8_t pool${index}[${Math.max(1, bytes)}] __attribute__((section(".bss.noinit.tvm"), ${aligned}));\n`
  const image = Buffer.alloc(Math.ceil(Math.max(1, bytes) / 4) * 4)
  for (const { offset, data } of constants) image.set(tensorBytes(data.toTensor()) as Uint8Array, offset)
  return `static const uint32_t pool${index}[] __attribute__((section(".rodata.tvm"), ${aligned})) = {\n${wordLines(image)}};\n`
}

/** Bytes as little-endian words of 32 bits. */
function wordLines(image: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < image.length; at += 4 * WORDS_A_LINE) {
    const line: string[] = []
    for (let i = at; i < Math.min(image.length, at + 4 * WORDS_A_LINE); i += 4)
      line.push(`0x${image.readUInt32LE(i).toString(16)}`)
    lines.push(`  ${line.join(', ')},\n`)
  }
  return lines.join('')
}
