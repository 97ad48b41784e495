import { expect, test } from 'vitest'
import { target } from '#lib/ir/target.js'
import { registerOperators } from '#lib/ops/register.js'
import { openLibrary } from '#lib/runtime/index.js'
import { ConfigEntity } from '#lib/schedule-config/config-entity.js'
import { ApplyHistoryBest, chooseConfig, withDispatchContext } from '#lib/schedule-config/dispatch.js'
import { parseRecordLog } from '#lib/schedule-config/log.js'
import { decodeRecord, encodeRecord, meanCost, TrialError } from '#lib/schedule-config/record.js'
import { workloadKey } from '#lib/schedule-config/workload.js'

openLibrary({ kind: 'compiler' })
registerOperators()

// A line that TVM 0.18's Python wrote.
const line =
  '{"input": ["llvm -keys=cpu -mcpu=skylake -num-cores=4", "demo/mm", [8, 12, 10, "float32", [1, [2, 3], null]], {}], "config": {"index": 12345, "code_hash": null, "entity": [["tile_y", "sp", [-1, 2]], ["ord", "re", [1, 2, 0]], ["ann", "an", ["none", "unroll"]], ["auto_unroll", "ot", 512], ["flag", "ot", true]]}, "result": [[0.0012, 0.0013], 0, 1.75, 1700000000.25], "version": 0.2, "tvm_version": "0.18.0"}'

test('a record is read and written again as it was', () => {
  const record = decodeRecord(line)
  expect(record && JSON.parse(encodeRecord(record))).toEqual(JSON.parse(line))
  expect(record && meanCost(record)).toBeCloseTo(0.00125)
})

test('a failed trial has no costs, and is written as TVM does', () => {
  const failed = line.replace('[[0.0012, 0.0013], 0,', '[[1000000000.0], 7,')
  const record = decodeRecord(failed)
  expect(record).toMatchObject({ costs: [], error: TrialError.RUN_TIMEOUT })
  expect(record && meanCost(record)).toBe(Number.POSITIVE_INFINITY)
  expect(record && JSON.parse(encodeRecord(record)).result).toEqual([[1e9], 7, 1.75, 1700000000.25])
})

test.each([
  ['comments', '# a comment'],
  ['empty lines', ''],
  ['the old format', line.replace('"version": 0.2', '"version": 0.1')],
])('%s are passed over', (_what, text) => {
  expect(decodeRecord(text)).toBeUndefined()
})

test.each([
  ['half a line', line.slice(0, 100)],
  ['another object', '{"i": [["[\\"abc\\"]", "llvm"]], "r": [[1], 0, 1, 1], "v": "v0.6"}'],
  ['a factor that is no number', line.replace('[-1, 2]', '[-1, "2"]')],
  ['a cost that is no number', line.replace('0.0012', '"fast"')],
])('%s is refused with a code', (_what, text) => {
  const refused = () => {
    const record = decodeRecord(text)
    // Another tuner's line has no version of this format.
    if (record === undefined) throw Object.assign(new Error('passed over'), { code: 'ERR_RECORD' })
  }
  expect(refused).toThrow(expect.objectContaining({ code: 'ERR_RECORD' }))
})

test('damaged lines of a log are told of, the last one as cut off', () => {
  const { records, problems } = parseRecordLog(`${line}\nnonsense\n${line}\n${line.slice(0, 50)}`, 'a.log')
  expect(records).toHaveLength(2)
  expect(problems).toEqual([
    expect.stringContaining('a.log, line 2: not a tuning record: nonsense'),
    'a.log, line 4: the last line is cut off and dropped',
  ])
})

test('keys compare as Python values do', () => {
  const key = (...args: (boolean | number)[]) => workloadKey({ task: 't', args })
  expect(key(true, 2)).toBe(key(1, 2))
  expect(key(false)).not.toBe(key(1))
})

const dense = {
  task: 'dense_nopack.x86',
  args: [['TENSOR', [1, 64], 'float32'], ['TENSOR', [32, 64], 'float32'], null, 'float32'],
}
function record(cost: number, tileK: unknown, on = 'llvm -keys=cpu -mcpu=x86-64-v3') {
  return {
    target: on,
    workload: dense,
    config: ConfigEntity.fromPlain({
      index: 0,
      code_hash: null,
      entity: [
        ['tile_y', 'sp', [-1, 1]],
        ['tile_x', 'sp', [-1, 4]],
        ['tile_k', 'sp', tileK],
      ],
    }).toPlain(),
    costs: [cost],
    error: TrialError.NONE,
    elapsed: 1,
    timestamp: 1,
  }
}
const v3 = target('llvm -mcpu=x86-64-v3')
const tileK = (context: ApplyHistoryBest, of = v3) => {
  const { config, source } = withDispatchContext(context, () => chooseConfig(dense, of))
  return [source, config.inner('tile_k')]
}

test('the fastest record is taken, the first of equals, and of another processor only where there is none of its own', () => {
  const both = [record(2, [-1, 8]), record(1, [-1, 16]), record(1, [-1, 32])]
  expect(tileK(new ApplyHistoryBest(both))).toEqual(['tuned', 16])
  const foreign = record(0.1, [-1, 2], 'llvm -keys=cpu -mcpu=skylake')
  expect(tileK(new ApplyHistoryBest([...both, foreign]))).toEqual(['tuned', 16])
  expect(tileK(new ApplyHistoryBest([foreign]))).toEqual(['tuned', 2])
})

test('a record that cannot be applied is left out and told of', () => {
  const impossible = record(1, [-1, 0])
  const context = new ApplyHistoryBest([impossible, record(1, [-1, 4], 'llvm -mcpu=no-such-cpu')])
  expect(tileK(context)[0]).toBe('untuned')
  expect(context.problems).toEqual([
    expect.stringContaining("records of target 'llvm -mcpu=no-such-cpu' are ignored"),
    expect.stringContaining('dense_nopack.x86 1x64:float32 32x64:float32'),
  ])
})
