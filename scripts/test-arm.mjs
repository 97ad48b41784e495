// Builds networks for 64-bit and 32-bit Arm as C projects, links each with a small main by a cross compiler, runs it under
// qemu-user and compares with the outputs beside the model. Needs gcc-aarch64-linux-gnu, gcc-arm-linux-gnueabihf and qemu-user.
//
// usage: npm run test:arm -- [--only PLATFORM] [--json] FOLDER... (each as `tvm-node verify` takes them)
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

const { compareTensors, standardDeviation } = await import('../dist/compare.js')
const { compile } = await import('../dist/compile/compile.js')
const { readTestDataSets } = await import('../dist/frontend/onnx/test-data.js')
const { load } = await import('../dist/session/load.js')

const platforms = {
  aarch64: { target: 'llvm -mtriple=aarch64-linux-gnu', tools: 'aarch64-linux-gnu', qemu: ['qemu-aarch64'] },
  'aarch64-dotprod': {
    target: 'llvm -mtriple=aarch64-linux-gnu -mattr=+neon,+dotprod',
    tools: 'aarch64-linux-gnu',
    qemu: ['qemu-aarch64', '-cpu', 'max'],
  },
  armv7: {
    target: 'llvm -mtriple=armv7-linux-gnueabihf -mattr=+neon,+vfp4 -mfloat-abi=hard',
    tools: 'arm-linux-gnueabihf',
    qemu: ['qemu-arm'],
  },
}

const bytesOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** A program that reads all inputs from its standard input and writes all outputs to its standard output. */
function mainSource(inputs, outputs) {
  const sizes = (tensors) => tensors.map(({ size }) => size).join(', ')
  return `#include <stdio.h>
#include <stdlib.h>
#include "tvmgen_default.h"
static const size_t input_sizes[] = {${sizes(inputs)}}, output_sizes[] = {${sizes(outputs)}};
int main(void) {
  union { void* each[${inputs.length}]; struct tvmgen_default_inputs all; } inputs;
  union { void* each[${outputs.length}]; struct tvmgen_default_outputs all; } outputs;
  for (size_t i = 0; i < ${inputs.length}; i++) {
    inputs.each[i] = malloc(input_sizes[i]);
    if (fread(inputs.each[i], 1, input_sizes[i], stdin) != input_sizes[i]) return 2;
  }
  for (size_t i = 0; i < ${outputs.length}; i++) outputs.each[i] = malloc(output_sizes[i]);
  if (tvmgen_default_run(&inputs.all, &outputs.all) != 0) return 3;
  for (size_t i = 0; i < ${outputs.length}; i++) fwrite(outputs.each[i], 1, output_sizes[i], stdout);
  return 0;
}
`
}

/** Runs a network's first data set on an emulated processor. */
async function runEmulated(model, { inputs, outputs }, { target, tools, qemu }, folder) {
  const project = await compile(model, { target, format: 'project' })
  const { metadata } = project
  execFileSync('tar', ['xf', project.path, '-C', folder])
  await project.dispose()
  const source = join(folder, 'main.c')
  const size = (name, from) => ({ size: bytesOf(from[name]).byteLength })
  writeFileSync(
    source,
    mainSource(
      metadata.inputs.map(({ name }) => size(name, inputs)),
      metadata.outputs.map(({ name }) => size(name, outputs)),
    ),
  )
  const build = join(folder, 'default')
  execFileSync('make', ['-s', '-C', build, `CC=${tools}-gcc`, `AR=${tools}-ar`])
  const program = join(folder, 'main')
  const library = join(build, 'libtvmgen_default.a')
  const flags = ['-Wall', '-Werror', '-static', '-I', join(build, 'include')]
  execFileSync(`${tools}-gcc`, [...flags, '-o', program, source, library, '-lm'])
  const fed = Buffer.concat(metadata.inputs.map(({ name }) => bytesOf(inputs[name])))
  const [command, ...rest] = qemu
  const written = execFileSync(command, [...rest, program], { input: fed, maxBuffer: 1 << 28 })
  let at = 0
  return metadata.outputs.map(({ name, dtype, shape }) => {
    const { byteLength } = bytesOf(outputs[name])
    const bytes = written.subarray(at, at + byteLength)
    at += byteLength
    const { buffer, byteOffset } = Uint8Array.from(bytes)
    return { name, dtype, shape, data: new outputs[name].data.constructor(buffer, byteOffset) }
  })
}

/** The largest error, and whether all is within what `tvm-node verify` allows. */
function judge(results, expected) {
  const comparisons = results.map((result) => {
    const wanted = expected[result.name]
    const absolute = Math.max(1e-7, 1e-4 * standardDeviation(wanted))
    return compareTensors(result, wanted, { relative: 1e-3, absolute })
  })
  return {
    ok: comparisons.every(({ mismatch }) => mismatch === undefined),
    error: Math.max(...comparisons.map(({ maxAbsError }) => maxAbsError)),
  }
}

/** The outputs of the same network on this machine. */
async function runHere(model, inputs) {
  const artifact = await compile(model, { target: 'llvm' })
  const session = await load(artifact)
  const outputs = await session.run(inputs)
  await session.dispose()
  await artifact.dispose()
  return outputs
}

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
let failed = 0
for (const folder of positionals) {
  const [set] = readTestDataSets(folder)
  if (!set) continue
  const model = join(folder, 'model.onnx')
  const here = await runHere(model, set.inputs)
  for (const [platform, how] of Object.entries(platforms)) {
    if (values.only && values.only !== platform) continue
    const scratch = mkdtempSync(join(tmpdir(), 'tvm-node-arm-'))
    const name = basename(folder)
    try {
      const results = await runEmulated(model, set, how, scratch)
      const [expected, x86] = [judge(results, set.outputs), judge(results, here)]
      // A quantised network may be a step off at a tie; then it must be so on every processor.
      const ok = expected.ok || (x86.ok && x86.error === 0)
      if (!ok) failed++
      const line = { name, platform, ok, max_abs_error: expected.error, from_x86: x86.error }
      console.log(
        values.json
          ? JSON.stringify(line)
          : `${ok ? 'ok  ' : 'FAIL'}  ${name} on ${platform}: largest error ${expected.error.toExponential(1)}, ${x86.error.toExponential(1)} from x86-64`,
      )
    } catch (error) {
      failed++
      const reason = String(error.stderr ?? '').trim() || error.message
      console.log(
        values.json
          ? JSON.stringify({ name, platform, ok: false, reason })
          : `FAIL  ${name} on ${platform}: ${reason}`,
      )
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  }
}
process.exit(failed ? 1 : 0)
