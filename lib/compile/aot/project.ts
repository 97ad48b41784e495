import { C_FLAGS } from '../../c-compiler.js'
import type { ArtifactPieces, TensorInfo } from '../../session/artifact.js'
import type { AotCode } from './code.js'
import { ctypeOf, typedHeader } from './header.js'
import { type AotNetwork, elements } from './lower.js'

/**
 * A network as a project of C: sources or objects, a header with typed inputs and outputs, and what builds a static library of
 * them with Make or CMake. All members are in one folder called `<name>`.
 */
export function cProject(network: AotNetwork, code: AotCode): ArtifactPieces {
  const { name } = network.interface
  const text = (content: string) => [Buffer.from(content)]
  const sources = [...code.sources.keys()].map((file) => `src/${file}`)
  const objects = [...code.objects.keys()].map((file) => `lib/${file}`)
  return Object.fromEntries([
    [`${name}/README.md`, text(readme(network))],
    [`${name}/Makefile`, text(makefile(name, sources, objects))],
    [`${name}/CMakeLists.txt`, text(cmakeLists(name, sources, objects))],
    [`${name}/include/tvmgen_${name}.h`, text(typedHeader(network))],
    ...[...code.headers].map(([path, data]) => [`${name}/include/${path}`, [data]] as const),
    ...[...code.sources].map(([file, data]) => [`${name}/src/${file}`, [data]] as const),
    ...[...code.objects].map(([file, data]) => [`${name}/lib/${file}`, [data]] as const),
  ])
}

function readme({ interface: { name, inputs, outputs }, target, main }: AotNetwork): string {
  const fill = (kind: string, tensors: readonly TensorInfo[]) =>
    `struct tvmgen_${name}_${kind} ${kind} = {${tensors.map((tensor) => `.${tensor.name} = ${tensor.name}`).join(', ')}};`
  const array = (qualifier: string) => (tensor: TensorInfo) =>
    `static ${qualifier}${ctypeOf(tensor.dtype)} ${tensor.name}[${elements(tensor)}]; /* ${tensor.dtype} [${tensor.shape.join(', ')}] */`
  return `# Network \`${name}\`

Compiled by tvm-node for the target \`${String(target).trim()}\`. It calls nothing but the C library's mathematical functions.

## Calling it

\`\`\`c
#include "tvmgen_${name}.h"

${[...inputs.map(array('')), ...outputs.map(array(''))].join('\n')}

int32_t infer(void) {
  ${fill('inputs', inputs)}
  ${fill('outputs', outputs)}
  return tvmgen_${name}_run(&inputs, &outputs); /* 0, or another number where it failed */
}
\`\`\`

Arrays are in C's order, the last dimension next to each other; they stay the caller's, and may be read and written between runs.
One run at a time: all use the same memory.

## Memory

| | bytes | section |
| --- | ---: | --- |
| to work in | ${main.workspace} | \`.bss.noinit.tvm\`, not set to zero before |
| constants | ${main.constants} | \`.rodata.tvm\` |

## Building it

\`make\` or CMake makes a static library. For another processor, name its tools and what they need to know:

\`\`\`sh
make CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS="-O2 -mcpu=cortex-m4 -mthumb"
cmake -B build -DCMAKE_TOOLCHAIN_FILE=board.cmake && cmake --build build
\`\`\`
`
}

function makefile(name: string, sources: readonly string[], objects: readonly string[]): string {
  return `CFLAGS ?= ${C_FLAGS.join(' ')}
SOURCES = ${sources.join(' ')}
OBJECTS = $(SOURCES:.c=.o)${objects.map((path) => ` ${path}`).join('')}

libtvmgen_${name}.a: $(OBJECTS)
\t$(AR) rcs $@ $^

$(SOURCES:.c=.o): %.o: %.c
\t$(CC) $(CFLAGS) -Iinclude -c -o $@ $<

.PHONY: clean
clean:
\trm -f libtvmgen_${name}.a $(SOURCES:.c=.o)
`
}

function cmakeLists(name: string, sources: readonly string[], objects: readonly string[]): string {
  const lines = [...sources, ...objects.map((path) => `\${CMAKE_CURRENT_SOURCE_DIR}/${path}`)]
  return `cmake_minimum_required(VERSION 3.13)
project(tvmgen_${name} C)

add_library(tvmgen_${name} STATIC
${lines.map((line) => `  ${line}`).join('\n')})
target_include_directories(tvmgen_${name} PUBLIC include)
target_compile_options(tvmgen_${name} PRIVATE ${C_FLAGS.join(' ')})
target_link_libraries(tvmgen_${name} PUBLIC m)
`
}
