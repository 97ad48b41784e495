import type { TensorInfo } from '../../session/artifact.js'
import { type AotNetwork, sizeInBytes } from './lower.js'

const ctypes: Readonly<Record<string, string>> = {
  float32: 'float',
  float64: 'double',
  // Their bits.
  float16: 'uint16_t',
  bfloat16: 'uint16_t',
  bool: 'uint8_t',
}

/** What holds an element in C. */
export function ctypeOf(dtype: string): string {
  return ctypes[dtype] ?? `${dtype}_t`
}

/**
 * A header for a network's entry function. It differs from TVM's own (v0.18, src/target/source/interface_c.cc) in that pointers have
 * the types of what they point to, with the shapes beside them; both go with the same code.
 */
export function typedHeader({ interface: { name, inputs, outputs }, main }: AotNetwork): string {
  const macro = `TVMGEN_${name.toUpperCase()}`
  const sizes = [...inputs, ...outputs].map(
    (tensor) => `#define ${macro}_${tensor.name.toUpperCase()}_SIZE ${sizeInBytes(tensor)}\n`,
  )
  return `#ifndef ${macro}_H_
#define ${macro}_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of each input and output. */
${sizes.join('')}
/* Bytes of memory that the network works in and of its constants; both are part of the code. */
#define ${macro}_WORKSPACE_SIZE ${main.workspace}
#define ${macro}_CONSTANTS_SIZE ${main.constants}

struct tvmgen_${name}_inputs {
${inputs.map((tensor) => member(tensor, 'const ')).join('') || '  char unused;\n'}};

struct tvmgen_${name}_outputs {
${outputs.map((tensor) => member(tensor, '')).join('')}};

/* Runs the network. Returns 0, or another number where it failed. Not for two threads at a time. */
int32_t tvmgen_${name}_run(struct tvmgen_${name}_inputs* inputs, struct tvmgen_${name}_outputs* outputs);

#ifdef __cplusplus
}
#endif

#endif /* ${macro}_H_ */
`
}

function member({ name, dtype, shape }: TensorInfo, qualifier: string): string {
  return `  ${qualifier}${ctypeOf(dtype)}* ${name}; /* ${dtype} [${shape.join(', ')}] */\n`
}
