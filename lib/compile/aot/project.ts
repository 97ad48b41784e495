import type { ArtifactPieces } from '../../session/artifact.js'
import { C_FLAGS } from '../c/compiler.js'
import type { AotCode } from './code.js'
import { typedHeader } from './header.js'
import type { AotNetwork } from './lower.js'

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
  const set = (variable: string, tensors: readonly { readonly name: string }[]) =>
    `struct tvmgen_${name}_${variable} ${variable} = {${tensors.map((tensor) => `.${tensor.name} = ${tensor.name}`).join(', ')}};`
  return `# Network \`${name}\`

Compiled by tvm-node for the target \`${String(target).trim()}\`. \`make CC=... AR=...\` or CMake makes \`libtvmgen_${name}.a\`; it calls
nothing but the C library's mathematical functions, and works in ${main.workspace} bytes of memory of its own.

\`\`\`c
#include "tvmgen_${name}.h"

${set('inputs', inputs)}
${set('outputs', outputs)}
tvmgen_${name}_run(&inputs, &outputs);
\`\`\`
`
}

function makefile(name: string, sources: readonly string[], objects: readonly string[]): string {
  return `# Cross compilers: make CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar
CFLAGS ?= ${C_FLAGS.join(' ')}
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
