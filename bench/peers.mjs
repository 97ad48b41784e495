// All that is promised of speed, in one run: latency against ONNX Runtime and Python TVM, builds, memory, threads, neighbours.
// Usage: node bench/peers.mjs [--threads 2] [--runs 60] [--turns 6] [--python PYTHON] [--chart FILE.svg] [--json] [FOLDER...]
// PYTHON (or TVM_PYTHON in the environment) is a Python 3 with TVM 0.18 and onnx; without one its columns stay empty.

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { geometricMean, summarize } from '#lib/statistics.js'
import { barChart } from './peers/chart.mjs'
import { inTurns, openOwn, openPeer, openPython } from './peers/contenders.mjs'
import { besideNeighbour, describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const options = readArguments({
  threads: 2,
  runs: 60,
  turns: 6,
  python: process.env.TVM_PYTHON ?? '',
  chart: '',
})
const { threads, runs, turns, python, chart, json, positionals } = options
const NATIVE = 'llvm -mcpu=native'
const AVX2 = 'llvm -mcpu=x86-64-v3'
/** Networks on which threads, a neighbour and memory are measured, where they are among those given. */
const scaled = /mobilenet_v2|resnet50/
const beside = /mobilenet_v2/
const large = /resnet50/

const say = (text) => process.stderr.write(`${text}\n`)
const rows = []
for (const { name, model } of modelFolders(positionals)) {
  say(name)
  try {
    rows.push(await measure(name, model))
  } catch (error) {
    // One network that a contender refuses is told, and the others go on.
    rows.push({ network: name, failed: error.message.split('\n')[0] })
  }
  // A run takes long: what is known is told at once.
  if (json) report(rows.slice(-1), { json })
}
const figures = summary(rows)
const measured = rows.filter(({ failed }) => failed === undefined)
if (!json) report(measured, { json })
for (const { network, failed } of rows) if (failed) say(`${network} failed: ${failed}`)
if (!json) console.log('')
report(figures, { json })
if (!json) {
  console.log(
    `\n${threads} threads, ${runs} runs in ${turns} turns, medians; load average ${loadavg()[0].toFixed(1)}\n${describeMachine()}`,
  )
}
if (chart) {
  const values = (key) => measured.map((row) => row[key])
  const series = [
    { name: 'tvm-node', values: values('ratio') },
    { name: 'tvm-node, AVX2 target', values: values('avx2_ratio') },
    { name: 'Python TVM', values: values('python_ratio') },
  ]
  writeFileSync(
    chart,
    barChart({
      title: 'Latency of untuned networks, as a share of ONNX Runtime (lower is better)',
      subtitle: `${threads} threads, medians of ${runs} runs in turns`,
      names: measured.map(({ network }) => network),
      series: series.filter((each) => each.values.some((value) => value !== undefined)),
    }),
  )
}
process.exit(0)

async function measure(network, model) {
  const own = await openOwn(model, { target: NATIVE, threads })
  const narrow = await openOwn(model, { target: AVX2, threads })
  const peer = await openPeer(model, own.inputs, threads)
  const other = python ? openPython(python, threads) : undefined
  const single = scaled.test(network) ? await openOwn(model, { target: NATIVE, threads: 1 }) : undefined
  try {
    const theirs = other && (await other.build(model, 'native'))
    const present = { own, narrow, peer, other, single }
    const contenders = Object.entries(present).filter(([, contender]) => contender)
    const times = await inTurns(
      contenders.map(([, contender]) => contender),
      runs,
      turns,
    )
    const found = Object.fromEntries(contenders.map(([key], i) => [key, summarize(times[i])]))
    const ratio = (key) => found[key] && digits(found[key].median / found.peer.median)
    const busy = beside.test(network) ? await besideNeighbour(() => inTurns([own], runs, 1)) : undefined
    return {
      network,
      int8: /int8/.test(network),
      ms: digits(found.own.median),
      spread: digits(found.own.spread, 2),
      onnxruntime_ms: digits(found.peer.median),
      onnxruntime_spread: digits(found.peer.spread, 2),
      ratio: ratio('own'),
      avx2_ratio: ratio('narrow'),
      python_ratio: ratio('other'),
      ...(await builds(model, theirs)),
      threads_gain: found.single && digits(found.single.median / found.own.median),
      neighbour: busy && digits(summarize(busy[0]).median / found.own.median),
    }
  } finally {
    for (const each of [own, narrow, peer, other, single]) await each?.dispose()
  }
}

/** Builds in processes of their own; ratios are to Python's, engine and Python both started already. */
async function builds(model, theirs) {
  const script = fileURLToPath(new URL('./peers/own-build.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, model, NATIVE])
  const ours = JSON.parse(stdout)
  const ratio = (a, b) => (b === undefined ? undefined : digits(a / b))
  return {
    build_s: digits(ours.seconds),
    cold_s: digits(ours.cold_seconds),
    again_s: digits(ours.again_seconds),
    python_s: theirs && digits(theirs.seconds),
    build_ratio: ratio(ours.seconds, theirs?.seconds),
    cpu_ratio: ratio(ours.cpu_seconds, theirs?.cpu_seconds),
    again_ratio: ratio(ours.again_seconds, theirs?.seconds),
    peak_MB: digits(ours.peak_mb),
    python_MB: theirs && digits(theirs.peak_mb),
  }
}

/** The figures that count, beside what is wanted. */
function summary(all) {
  const of = (key, fitting = () => true) =>
    all.filter((row) => row[key] !== undefined && fitting(row)).map((row) => row[key])
  const mean = (values) => (values.length > 0 ? digits(geometricMean(values)) : undefined)
  const float = ({ int8 }) => !int8
  const memory = all.filter(({ network, python_MB }) => large.test(network) && python_MB)
  const list = (values) => values.join(', ') || undefined
  return [
    [
      'untuned latency / ONNX Runtime, float',
      '<= 0.85',
      mean(of('ratio', float)),
      mean(of('python_ratio', float)),
    ],
    [
      'the same, int8',
      '<= 0.55',
      mean(of('ratio', (row) => row.int8)),
      mean(of('python_ratio', (row) => row.int8)),
    ],
    ['the same, float, AVX2 target', '<= 1.1', mean(of('avx2_ratio', float))],
    ['worst single network', '<= 1.2', worst(of('ratio')), worst(of('python_ratio'))],
    ['latency beside a busy process / quiet', '<= 2.2', list(of('neighbour'))],
    ['build time / Python TVM', '<= 0.15', mean(of('build_ratio')), 1],
    ['processor time of a build / Python TVM', '', mean(of('cpu_ratio')), 1],
    ['second build / build by Python TVM', '<= 0.02', mean(of('again_ratio')), 1],
    [`${threads} threads over 1`, '>= 1.7', list(of('threads_gain'))],
    [
      'peak memory of a ResNet-50 build / Python TVM',
      '<= 1.0',
      list(memory.map((row) => digits(row.peak_MB / row.python_MB))),
    ],
  ].map(([figure, wanted, tvm_node, python_TVM]) => ({ figure, tvm_node, python_TVM, wanted }))
}

function worst(values) {
  return values.length > 0 ? Math.max(...values) : undefined
}
