import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { network } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const scratch = scratchFolder()
const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url))

/** Unpacks a compiled archive. */
async function unpack(
  name: string,
  model: string | Uint8Array,
  options: Parameters<typeof compile>[1],
): Promise<string> {
  const folder = join(scratch, name)
  mkdirSync(folder)
  await using archive = await compile(model, options)
  execFileSync('tar', ['xf', archive.path, '-C', folder])
  return folder
}

const strict = ['-std=c99', '-O2', '-Wall', '-Wextra', '-Werror']

function build(folder: string, module: string, main: string): string {
  const project = join(folder, module)
  execFileSync('make', ['-s', '-C', project, `CFLAGS=${strict.join(' ')}`])
  const [source, program] = [join(folder, 'main.c'), join(folder, 'main')]
  writeFileSync(source, main)
  execFileSync('cc', [
    ...strict,
    '-I',
    join(project, 'include'),
    '-o',
    program,
    source,
    join(project, `libtvmgen_${module}.a`),
    '-lm',
  ])
  return program
}

/** Names that are none in C, or taken, and the same twice once they are made so. */
const named: ModelDescription = {
  opset: 13,
  inputs: {
    'a:0': { dtype: 'float32', shape: [3] },
    a_0: { dtype: 'float32', shape: [3] },
    output0: { dtype: 'int8', shape: [2, 2] },
    '1st': { dtype: 'bool', shape: [3] },
  },
  nodes: [
    { op: 'Sub', inputs: ['a:0', 'a_0'], outputs: ['float'] },
    { op: 'Where', inputs: ['1st', 'a:0', 'a_0'], outputs: ['inputs'] },
    { op: 'Transpose', inputs: ['output0'], outputs: ['Float'], attrs: { perm: [1, 0] } },
  ],
  outputs: ['float', 'inputs', 'Float'],
}

test.skipIf(!hasTool('cc') || !hasTool('make'))(
  'a C project has typed inputs and outputs under names that C takes (needs cc, make)',
  async () => {
    const folder = await unpack('named', onnxModel(named), {
      target: 'c',
      format: 'project',
      moduleName: 'net',
    })
    const program = build(
      folder,
      'net',
      `#include <stdio.h>
#include "tvmgen_net.h"
int main(void) {
  const float a[3] = {1, 2, 3}, b[3] = {0.5f, -1, 8};
  const int8_t bytes[4] = {1, 2, 3, 4};
  const uint8_t first[3] = {1, 0, 1};
  float difference[3], chosen[3];
  int8_t turned[4];
  struct tvmgen_net_inputs inputs = {.a_0 = a, .a_0_2 = b, .output0_ = bytes, ._1st = first};
  struct tvmgen_net_outputs outputs = {.float_ = difference, .inputs_ = chosen, .Float = turned};
  if (tvmgen_net_run(&inputs, &outputs) != 0) return 1;
  printf("%g %g %g, %g %g %g, %d %d %d %d, %d", difference[0], difference[1], difference[2], chosen[0], chosen[1],
         chosen[2], turned[0], turned[1], turned[2], turned[3], TVMGEN_NET_A_0_SIZE);
  return 0;
}
`,
    )
    expect(execFileSync(program, { encoding: 'utf8' })).toBe('0.5 3 -5, 1 -1 3, 1 3 2 4, 12')
  },
)

test('generated C for the ahead-of-time executor calls nothing of a runtime', async () => {
  const { model } = network('kws_dscnn')
  const folder = await unpack('calls', model, { target: 'c', format: 'project' })
  const sources = ['default_lib0.c', 'default_lib1.c'].map((file) =>
    readFileSync(join(folder, 'default', 'src', file), 'utf8'),
  )
  expect(sources.join('')).toContain('tvmgen_default_run')
  expect(sources.join('').match(/TVMBackend\w+|TVMFuncCall|malloc|tvm_node_constant/g)).toBeNull()
})

test('a Model Library Format archive has the members and metadata of the format', async () => {
  const { model } = network('kws_dscnn')
  const folder = await unpack('mlf', model, { target: 'llvm -mtriple=aarch64-linux-gnu', format: 'mlf' })
  const { version, modules } = JSON.parse(readFileSync(join(folder, 'metadata.json'), 'utf8'))
  expect(version).toBe(7)
  expect(modules).toMatchObject({
    default: {
      executors: ['aot'],
      export_datetime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
      model_name: 'default',
      style: 'full-model',
      target: [expect.stringContaining('aarch64-linux-gnu')],
    },
  })
  const { main, operator_functions: operators } = modules.default.memory.functions
  expect(main).toMatchObject([
    {
      device: 1,
      inputs: { data: { dtype: 'float32', size: 1960 } },
      outputs: { softmax_108: { dtype: 'float32', size: 48 } },
    },
  ])
  // Weights and biases of the model, which no layout may make smaller.
  expect(main[0].constants_size_bytes).toBeGreaterThan(80_000)
  expect(operators.length).toBeGreaterThan(5)
  const header = readFileSync(join(folder, 'codegen/host/include/tvmgen_default.h'), 'utf8')
  expect(header).toContain('#define TVMGEN_DEFAULT_DATA_SIZE 1960')
  const object = readFileSync(join(folder, 'codegen/host/lib/default_lib0.o'))
  const AARCH64 = 183
  expect(object.readUInt16LE(18)).toBe(AARCH64)
  expect(readFileSync(join(folder, 'parameters/default.params')).length).toBe(32)
  expect(readFileSync(join(folder, 'src/default.relay'), 'utf8')).toContain('conv2d')
})

test.each([{ moduleName: '2nd' }, { moduleName: 'a-b' }, { format: 'zip' }])(
  '%o is refused',
  async (options) => {
    const refused = compile(network('kws_dscnn').model, options as never)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  },
)

const script = fileURLToPath(new URL('../../scripts/test-projects.mjs', import.meta.url))
const int8 = 'quantized/kws_dscnn_int8'
const platforms: readonly [platform: string, folder: string, ...tools: string[]][] = [
  ['c', int8, 'gcc'],
  ['aarch64', 'models/kws_dscnn', 'aarch64-linux-gnu-gcc', 'qemu-aarch64'],
  ['aarch64-dotprod', int8, 'aarch64-linux-gnu-gcc', 'qemu-aarch64'],
  ['cortex-m4', int8, 'arm-none-eabi-gcc', 'qemu-system-arm'],
  ['riscv64', int8, 'riscv64-unknown-elf-gcc', 'qemu-system-riscv64'],
]
for (const [platform, folder, ...tools] of platforms) {
  test.skipIf(![...tools, 'make'].every(hasTool))(
    `a project for ${platform} builds without warnings and gives its outputs (needs ${tools.join(', ')})`,
    async () => {
      const args = [script, '--only', platform, '--json', join(fixtures, folder)]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      const lines = stdout.trim().split('\n')
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ platform, ok: true }])
    },
    120_000,
  )
}

test.skipIf(!hasTool('cmake'))('a C project builds with CMake (needs cmake)', async () => {
  const { model } = network('kws_dscnn')
  const folder = await unpack('cmake', model, { target: 'c', format: 'project', moduleName: 'kws' })
  const [project, built] = [join(folder, 'kws'), join(folder, 'build')]
  execFileSync('cmake', ['-S', project, '-B', built, `-DCMAKE_C_FLAGS=${strict.slice(2).join(' ')}`])
  execFileSync('cmake', ['--build', built])
  expect(existsSync(join(built, 'libtvmgen_kws.a'))).toBe(true)
})

const cast = (to: number, dtype: string): ModelDescription => ({
  opset: 21,
  inputs: { x: { dtype: dtype as 'float32', shape: [4] } },
  nodes: [
    { op: 'Cast', inputs: ['x'], outputs: ['half'], attrs: { to: 10 } },
    { op: 'Add', inputs: ['half', 'half'], outputs: ['grown'] },
    { op: 'Cast', inputs: ['grown'], outputs: ['y'], attrs: { to } },
  ],
  outputs: ['y'],
})
test.each([
  ['float16', cast(1, 'float32'), 'float16'],
  ['int4', cast(22, 'float32'), "'y'"],
])('numbers that C has not are refused: %s', async (_, model, named) => {
  await expect(compile(onnxModel(model), { target: 'c', format: 'project' })).rejects.toMatchObject({
    code: 'ERR_NO_IMPLEMENTATION',
    message: expect.stringContaining(named),
  })
})

test('an archive of another form is no artifact to run', async () => {
  const path = join(scratch, 'kws.tar')
  const { model } = network('kws_dscnn')
  const made = await cli(['compile', model, '--target', 'c', '--format', 'mlf', '-o', path, '--json'])
  expect(made.json[0]).toMatchObject({ executor: 'aot', path })
  const run = await cli(['profile', path, '--json'])
  expect(run.json[0].error.code).toBe('ERR_NOT_ARTIFACT')
})
