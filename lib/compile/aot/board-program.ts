import type { ArtifactPieces, TensorInfo } from '../../session/artifact.js'
import { type MemoryShare, PROGRAM_MEMORY, type ProgramMemory } from '../../session/program-memory.js'
import { byteLength, type DType } from '../../tensor.js'
import type { AotCode } from './code.js'
import type { AotNetwork } from './lower.js'

/**
 * Members of an artifact from which a program for a board is built (see `native/board`): code, headers, and a table that tells
 * the board's runtime of the network.
 */
export function boardProgram(network: AotNetwork, code: AotCode): ArtifactPieces {
  const { name } = network.interface
  return {
    [PROGRAM_MEMORY]: [Buffer.from(JSON.stringify(memoryOf(network)))],
    [`include/tvmgen_${name}.h`]: [Buffer.from(network.header)],
    ...members('src', code.sources),
    ...members('lib', code.objects),
    'src/model.c': [Buffer.from(modelTable(network))],
  }
}

function members(folder: string, files: ReadonlyMap<string, Buffer>): ArtifactPieces {
  return Object.fromEntries([...files].map(([file, data]) => [`${folder}/${file}`, [data]]))
}

/** What `native/board/include/model.h` declares, for a network whose inputs and outputs are variables of the program. */
function modelTable({ interface: { name, inputs, outputs } }: AotNetwork): string {
  const variables = (kind: string, tensors: readonly TensorInfo[]) =>
    tensors.map((tensor, i) => tensorVariables(`${kind}${i}`, tensor)).join('')
  const fields = (kind: string, tensors: readonly TensorInfo[]) =>
    tensors.map((tensor, i) => `.${tensor.name} = ${kind}${i}`).join(', ') || '0'
  const entries = (kind: string, tensors: readonly TensorInfo[]) =>
    tensors.map((tensor, i) => `  ${tableEntry(`${kind}${i}`, tensor)},\n`).join('') || '  {0},\n'
  return `#include "model.h"
#include "tvmgen_${name}.h"

${variables('input', inputs)}${variables('output', outputs)}
static int32_t run(void) {
  struct tvmgen_${name}_inputs inputs = {${fields('input', inputs)}};
  struct tvmgen_${name}_outputs outputs = {${fields('output', outputs)}};
  return tvmgen_${name}_run(&inputs, &outputs);
}

const board_operator_t model_operators[1] = {{0}};
const size_t model_operator_count = 0;
const char* const model_name = "${name}";
const board_tensor_t model_inputs[] = {
${entries('input', inputs)}};
const size_t model_input_count = ${inputs.length};
const board_tensor_t model_outputs[] = {
${entries('output', outputs)}};
const size_t model_output_count = ${outputs.length};
int32_t (*const model_run)(void) = run;
`
}

function tensorVariables(variable: string, { dtype, shape }: TensorInfo): string {
  const size = Math.max(1, byteLength(dtype, shape))
  return `static uint8_t ${variable}[${size}] __attribute__((aligned(16)));
static const int64_t ${variable}_shape[] = {${shape.join(', ') || '0'}};
`
}

function tableEntry(variable: string, { name, dtype, shape }: TensorInfo): string {
  const bits = dtype === 'bool' ? 1 : Number(/\d+/.exec(dtype)?.[0])
  const type = `{${typeCode(dtype)}, ${bits}, 1}`
  return `{"${name}", ${variable}, ${byteLength(dtype, shape)}, ${type}, ${shape.length}, ${variable}_shape}`
}

function typeCode(dtype: DType): string {
  if (dtype === 'bfloat16') return 'kDLBfloat'
  if (dtype.startsWith('float')) return 'kDLFloat'
  return dtype.startsWith('int') ? 'kDLInt' : 'kDLUInt'
}

/** Shares that an error about too little memory names. */
const MOST_SHARES = 32

function memoryOf({ interface: { inputs, outputs }, pools, operators, main }: AotNetwork): ProgramMemory {
  const share = (kind: MemoryShare['kind'], name: string, bytes: number): MemoryShare => ({
    kind,
    name,
    bytes,
  })
  const tensors = (kind: 'input' | 'output', list: readonly TensorInfo[]) =>
    list.map(({ name, dtype, shape }) => share(kind, name, byteLength(dtype, shape)))
  const constants = pools.flatMap((pool) => pool.constants ?? []).map(({ data }) => data.toTensor())
  const io = [...tensors('input', inputs), ...tensors('output', outputs)]
  const largest = [
    ...io,
    ...constants.map(({ dtype, shape }) =>
      share('constant', `${dtype} [${shape.join(', ')}]`, byteLength(dtype, shape)),
    ),
    ...operators.map((each) => share('operator', each.name, each.io + each.workspace)),
  ]
  const sum = (list: readonly { readonly bytes: number }[]) =>
    list.reduce((total, { bytes }) => total + bytes, 0)
  return {
    workspace: sum(pools.filter((pool) => !pool.constants)),
    constants: Math.max(main.constants, sum(pools.filter((pool) => pool.constants))),
    io: sum(io),
    largest: largest.sort((a, b) => b.bytes - a.bytes).slice(0, MOST_SHARES),
  }
}
