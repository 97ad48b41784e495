// What a validation of the same graph with other weights costs besides the runs: building and bringing to the board, beside a
// whole build; and whether its parameters are those of a whole build, byte by byte.
// Usage: node bench/training-reuse.mjs [--rounds 3] [--json] [FOLDER...]

import { readFileSync } from 'node:fs'
import { TvmBackend } from 'tvm-node'
import { compile } from '#lib/compile/compile.js'
import { message } from '#lib/frontend/onnx/schema.js'
import { readArtifact } from '#lib/session/artifact.js'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { rounds, json, positionals } = readArguments({ rounds: 3 })

/** Every weight a little different: tensors of more than one float, and 8-bit ones, that are no scales or zero points. */
function trained(model, step) {
  const proto = message('ModelProto').decode(model)
  for (const each of proto.graph.initializer) {
    const bytes = new Uint8Array(each.rawData ?? [])
    const isFloat = each.dataType === 1 && bytes.length > 4
    const isWeight = each.dataType === 3 && bytes.length > 1
    if (/scale|zero/.test(each.name) || !(isFloat || isWeight)) continue
    const values = isFloat ? new Float32Array(bytes.buffer) : new Int8Array(bytes.buffer)
    for (let i = 0; i < values.length; i++)
      values[i] = isFloat ? values[i] * (1 + 0.1 * Math.sin(i + step)) : values[i] ^ ((i + step) % 3)
    each.rawData = bytes
  }
  return message('ModelProto').encode(proto).finish()
}

async function sameAsBuild(model, step) {
  const [first, other] = [model, trained(model, step)]
  const before = await compile(first, { reusable: true })
  const reused = await compile(other, { reuse: before })
  const whole = await compile(other)
  const contents = await Promise.all([reused, whole].map(({ path }) => readArtifact(path)))
  const same = ['lib.so', 'graph.json', 'params.bin'].every((name) =>
    Buffer.from(contents[0].members[name]).equals(Buffer.from(contents[1].members[name])),
  )
  for (const each of [before, reused, whole]) await each.dispose()
  return same
}

const rows = []
for (const { name, model: path } of modelFolders(positionals)) {
  const model = readFileSync(path)
  const backend = await TvmBackend.create({ board: 'local_cpu' })
  const whole = await backend.prepare(model)
  const [builds, uploads] = [[], []]
  const kinds = new Set()
  for (let i = 1; i <= rounds; i++) {
    const { rebuilt, buildMs, uploadMs } = await backend.prepare(trained(model, i))
    kinds.add(rebuilt)
    builds.push(buildMs)
    uploads.push(uploadMs)
  }
  await backend.dispose()
  const [build, upload] = [summarize(builds), summarize(uploads)]
  rows.push({
    network: name,
    whole_build_ms: digits(whole.buildMs),
    rebuilt: [...kinds].join(' '),
    rebuild_ms: digits(build.median),
    spread: digits(build.spread),
    upload_ms: digits(upload.median),
    same_bytes_as_a_build: await sameAsBuild(model, 1),
  })
}
report(rows, { json })
if (!json) console.log(`\n${rounds} rounds\n${describeMachine()}`)
process.exit()
