// Builds networks as C projects for several processors, compiles them with all warnings as errors, links each with a small
// main, runs it (under QEMU) and compares with the outputs beside the model. Platforms whose tools are missing are named.
//
// usage: npm run test:projects -- [--only PLATFORM,...] [--json] FOLDER... (each as `tvm-node verify` takes them)
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runHere } from './steps/run-here.mjs'

const { compareTensors, standardDeviation } = await import('../dist/compare.js')
const { compile } = await import('../dist/compile/compile.js')
const { readTestDataSets } = await import('../dist/frontend/onnx/test-data.js')

/** Where there is no operating system, the debugger's calls are files and console. */
const semihosting = ['-semihosting-config', 'enable=on,target=native,chardev=out', '-chardev', 'stdio,id=out']
const bare = ['-display', 'none', '-monitor', 'none', '-serial', 'none', ...semihosting]
const script = (name) => fileURLToPath(new URL(`projects/${name}`, import.meta.url))

const platforms = {
  c: { target: 'c', tools: ['gcc', 'ar'], flags: [], run: [] },
  aarch64: {
    target: 'llvm -mtriple=aarch64-linux-gnu',
    tools: ['aarch64-linux-gnu-gcc', 'aarch64-linux-gnu-ar'],
    flags: ['-static'],
    run: ['qemu-aarch64'],
  },
  'aarch64-dotprod': {
    target: 'llvm -mtriple=aarch64-linux-gnu -mattr=+neon,+dotprod',
    tools: ['aarch64-linux-gnu-gcc', 'aarch64-linux-gnu-ar'],
    flags: ['-static'],
    run: ['qemu-aarch64', '-cpu', 'max'],
  },
  armv7: {
    target: 'llvm -mtriple=armv7-linux-gnueabihf -mattr=+neon,+vfp4 -mfloat-abi=hard',
    tools: ['arm-linux-gnueabihf-gcc', 'arm-linux-gnueabihf-ar'],
    flags: ['-static'],
    run: ['qemu-arm'],
  },
  'cortex-m4': {
    target: 'c',
    tools: ['arm-none-eabi-gcc', 'arm-none-eabi-ar'],
    compile: ['-mcpu=cortex-m4', '-mthumb'],
    flags: ['--specs=rdimon.specs', '-T', script('cortex-m4.ld'), '-Wl,--no-warn-rwx-segments'],
    run: ['qemu-system-arm', '-M', 'mps2-an386', ...bare, '-kernel'],
  },
  riscv64: {
    target: 'c',
    tools: ['riscv64-unknown-elf-gcc', 'riscv64-unknown-elf-ar'],
    compile: ['-march=rv64imafdc', '-mabi=lp64d', '-mcmodel=medany', '--specs=picolibc.specs'],
    flags: [
      '--oslib=semihost',
      '--crt0=hosted',
      '-Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=8M,--defsym=__ram=0x81000000,--defsym=__ram_size=16M',
    ],
    run: ['qemu-system-riscv64', '-M', 'virt', '-bios', 'none', ...bare, '-kernel'],
  },
}
const strict = ['-std=gnu99', '-O2', '-Wall', '-Wextra', '-Werror']

const bytesOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** A program that holds all inputs and writes all outputs to its standard output, in hexadecimal digits. */
function mainSource(inputs, outputs) {
  const array = (bytes, i) =>
    `static _Alignas(16) const unsigned char input${i}[] = {${[...bytes].join(',')}};\n`
  const members = (kind, tensors) => tensors.map((_, i) => `(void*)${kind}${i}`).join(', ')
  return `#include <stdio.h>
#include "tvmgen_default.h"
${inputs.map(array).join('')}
${outputs.map(({ byteLength }, i) => `static _Alignas(16) unsigned char output${i}[${byteLength}];\n`).join('')}
static void print(const unsigned char* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
}
int main(void) {
  struct tvmgen_default_inputs inputs = {${members('input', inputs)}};
  struct tvmgen_default_outputs outputs = {${members('output', outputs)}};
  if (tvmgen_default_run(&inputs, &outputs) != 0) return 3;
  ${outputs.map((_, i) => `print(output${i}, sizeof output${i});`).join('\n  ')}
  return 0;
}
`
}

/** Runs a network's first data set on a platform. */
async function runOn(model, { inputs, outputs }, { target, tools, compile: kind = [], flags, run }, folder) {
  const [cc, ar] = tools
  const project = await compile(model, { target, format: 'project' })
  const { metadata } = project
  execFileSync('tar', ['xf', project.path, '-C', folder])
  await project.dispose()
  const source = join(folder, 'main.c')
  const tensors = (infos, from) => infos.map(({ name }) => bytesOf(from[name]))
  writeFileSync(source, mainSource(tensors(metadata.inputs, inputs), tensors(metadata.outputs, outputs)))
  const build = join(folder, 'default')
  const pipes = { stdio: ['ignore', 'pipe', 'pipe'] }
  const variables = [`CC=${cc}`, `AR=${ar}`, `CFLAGS=${[...strict, ...kind].join(' ')}`]
  execFileSync('make', ['-s', '-C', build, ...variables], pipes)
  const program = join(folder, 'main')
  const library = join(build, 'libtvmgen_default.a')
  const linked = [...kind, ...flags, '-I', join(build, 'include'), '-o', program, source, library, '-lm']
  execFileSync(cc, [...strict, ...linked], pipes)
  const [command, ...rest] = [...run, program]
  const digits = execFileSync(command, rest, { ...pipes, encoding: 'latin1', maxBuffer: 1 << 28 })
  const written = Buffer.from(digits.trim(), 'hex')
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
    if (values.only && !values.only.split(',').includes(platform)) continue
    const scratch = mkdtempSync(join(tmpdir(), 'tvm-node-project-'))
    const name = basename(folder)
    try {
      const results = await runOn(model, set, how, scratch)
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
