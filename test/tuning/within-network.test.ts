import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Artifact } from '#lib/compile/compile.js'
import { compile } from '#lib/compile/compile.js'
import type { MeasuredNetwork, Runner } from '#lib/measure/trial.js'
import { Engine } from '#lib/process/engine.js'
import type { ConfigEntity } from '#lib/schedule-config/config-entity.js'
import { TrialError, type TuningRecord } from '#lib/schedule-config/record.js'
import { workloadKey } from '#lib/schedule-config/workload.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import type { Extracted, TuningTask } from '#lib/tuning/autotvm/extract-task.js'
import { buildCandidate } from '#lib/tuning/network.js'
import { TaskState } from '#lib/tuning/task-state.js'
import { chooseWithinNetwork } from '#lib/tuning/within-network.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { scratchFolder } from '../support/scratch.js'

const target = 'llvm -mcpu=x86-64-v3'
const model = join(scratchFolder(), 'model.onnx')
// By Winograd's algorithm, twice the same in the plain way, and a dense layer that two templates may serve.
writeFileSync(
  model,
  onnxModel({
    opset: 13,
    inputs: { x: { dtype: 'float32', shape: [1, 64, 24, 24] } },
    initializers: {
      w: randomTensor([64, 64, 3, 3], 'float32', -0.1, 0.1),
      a: randomTensor([64, 64, 1, 1], 'float32', -0.1, 0.1),
      b: randomTensor([64, 64, 1, 1], 'float32', -0.1, 0.1),
      m: randomTensor([64, 32], 'float32', -0.1, 0.1),
    },
    nodes: [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1] } },
      { op: 'Relu', inputs: ['c'], outputs: ['d'] },
      { op: 'Conv', inputs: ['d', 'a'], outputs: ['e'] },
      { op: 'Conv', inputs: ['e', 'b'], outputs: ['f'] },
      { op: 'GlobalAveragePool', inputs: ['f'], outputs: ['g'] },
      { op: 'Flatten', inputs: ['g'], outputs: ['h'] },
      { op: 'MatMul', inputs: ['h', 'm'], outputs: ['y'] },
    ],
    outputs: ['y'],
  }),
)

let extracted: Extracted
let untuned: Artifact
beforeAll(async () => {
  const engine = new Engine()
  const source = { model, optLevel: 3, shapes: {}, constants: {} }
  extracted = (await engine.run('autotvm-tasks', { target, templates: [], source }, {})) as Extracted
  engine.kill()
  untuned = await compile(model, { target })
}, 120_000)
afterAll(() => untuned.dispose())

test('an artifact says which function computes what, whatever became of the layouts', async () => {
  const { schedules } = untuned.metadata
  expect(schedules.map(({ implementation }) => implementation)).toEqual([
    'conv2d_winograd_NCHWc.x86',
    'conv2d_NCHWc.x86',
    'dense_pack.x86',
  ])
  const keys = extracted.tasks.map(({ workload }) => workloadKey(workload))
  for (const { key } of schedules) expect(keys).toContain(key)
  await using session = await load(untuned, { isolation: 'process' })
  const { profile } = await session.profile(sampleInputs(session.inputs), { repeat: 1 })
  const called = profile.map(({ name }) => name)
  const functions = schedules.map(({ function: name }) => `${name}`.replace('tvmgen_default_fused_', ''))
  expect(called.filter((name) => functions.includes(name))).toEqual([
    functions[0],
    functions[1],
    functions[1],
    functions[2],
  ])
})

/** Times of operators as `microseconds` has them, in place of a board's. */
function runnerOf(microseconds: (schedule: { implementation: string; config?: string }) => number): Runner {
  const sessionOf = ({ metadata }: Artifact): MeasuredNetwork => ({
    inputs: metadata.inputs,
    profile: async () => ({
      outputs: {},
      metrics: { latencyUs: { median: 1, min: 1, max: 1, spread: 0 } as never },
      profile: metadata.schedules.map((schedule) => ({
        name: `${schedule.function}`.replace('tvmgen_default_fused_', ''),
        durationUs: microseconds(schedule),
        percent: 0,
        device: 'cpu0',
      })),
    }),
  })
  return {
    load: async (artifacts: readonly Artifact[]) => ({
      sessions: artifacts.map(sessionOf),
      dispose: async () => {},
    }),
    exact: false,
  } as unknown as Runner
}

function recordOf({ workload, defaults }: TuningTask, columns: number): TuningRecord {
  const entity = defaults.entity.map(([name, kind, value]) =>
    name === 'tile_ow' ? ([name, kind, [-1, columns]] as const) : ([name, kind, value] as const),
  )
  const config = { ...defaults, entity } as ReturnType<ConfigEntity['toPlain']>
  const rest = { error: TrialError.NONE, elapsed: 1, timestamp: 1 }
  return { target: extracted.target, workload, config, costs: [1], ...rest }
}

const columnsOf = ({ config }: { config?: string }) => Number(/tile_ow[^\]]*?(\d+)\]/.exec(config ?? '')?.[1])

test('the record is taken that is fastest within the network, if it is faster than the default', async () => {
  const states = extracted.tasks.map((task, i) => new TaskState(i, task))
  const [winograd, pointwise] = states.filter(({ task }) => task.workload.task === 'conv2d_NCHWc.x86')
  const ranked = new Map(states.map((state) => [state, [] as TuningRecord[]]))
  ranked.set(
    winograd as TaskState,
    [2, 4].map((columns) => recordOf((winograd as TaskState).task, columns)),
  )
  ranked.set(
    pointwise as TaskState,
    [2, 8, 3].map((columns) => recordOf((pointwise as TaskState).task, columns)),
  )
  const times: Record<string, number> = { 2: 500, 4: 300, 8: 40, 3: 60 }
  const runner = runnerOf(({ implementation, config }) => {
    if (implementation === 'conv2d_winograd_NCHWc.x86') return 200
    return times[columnsOf({ ...(config && { config }) })] ?? 100
  })
  const options = { compile: { target }, runner }
  const build = (label: string, records: readonly TuningRecord[]) =>
    buildCandidate(model, label, records, options)
  const standard = { label: 'untuned', records: [], artifact: untuned, latencyMs: 1 }
  const chosen = await chooseWithinNetwork(ranked, standard, build, options)
  expect(chosen?.map(({ workload }) => workload)).toEqual([(pointwise as TaskState).task.workload])
  expect(columnsOf({ config: JSON.stringify(chosen?.[0]?.config.entity) })).toBe(8)
  // Seconds of one of its two calls.
  expect(chosen?.[0]?.costs).toEqual([20e-6])
}, 120_000)

test('nothing is chosen where operators cannot be told apart', async () => {
  const options = { compile: { target }, runner: runnerOf(() => 1) }
  const blind = { ...untuned, metadata: { ...untuned.metadata, schedules: [] } } as unknown as Artifact
  const standard = { label: 'untuned', records: [], artifact: blind, latencyMs: 1 }
  const build = () => Promise.reject(new Error('nothing is to be built'))
  expect(await chooseWithinNetwork(new Map(), standard, build, options)).toBeUndefined()
})
