import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { resolveConfig } from '#lib/backend/config.js'
import { loadBackendConfig } from '#lib/backend/config-file.js'
import { passConfigOf } from '#lib/boards/board.js'
import { boardNames, findBoard } from '#lib/boards/find.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

test('defaults are those of the original', () => {
  expect(resolveConfig({ board: 'local_cpu' })).toMatchObject({
    val_batches: 1,
    test_batches: 1,
    val_frequency: 10,
    tune: true,
    tuner: { name: 'baseline', task_budget: 4, mode: 'xgb', equal_task_budget: false },
    isolation: 'process',
    board: { name: 'local_cpu', connector: 'local', setup: [], teardown: [] },
  })
  expect(resolveConfig({ board: 'local_cpu', tuner: null }).tuner.name).toBe('baseline')
})

test('every predefined board is valid', () => {
  expect(boardNames()).toContain('local_cpu')
  for (const name of boardNames()) expect(findBoard(name).name).toBeTruthy()
})

test('boards without an operating system are described with their templates, and as never run', () => {
  const micro = boardNames()
    .map((name) => findBoard(name))
    .filter((board) => board.micro?.template_dir)
  const names = micro.map(({ name }) => name)
  for (const name of ['stm32f429i_disc1', 'nucleo_l4r5zi', 'nrf5340dk', 'tgc_vp', 'micro_generic'])
    expect(names).toContain(name)
  expect(names.filter((name) => name.startsWith('gvsoc_'))).toHaveLength(5)
  for (const board of micro) expect(board).toMatchObject({ connector: 'micro', never_run: true })
  expect(passConfigOf(findBoard('tgc_vp'))).toEqual({
    'tir.disable_vectorize': true,
    'tir.disable_storage_rewrite': true,
    'tir.usmp.enable': true,
    'tir.usmp.algorithm': 'greedy_by_conflicts',
  })
  const own = { ...findBoard('tgc_vp'), build: { 'tir.usmp.enable': false } }
  expect(passConfigOf(own)['tir.usmp.enable']).toBe(true)
})

test('a description takes every field of the original', () => {
  const board = findBoard({
    name: 'own',
    target: 'c',
    target_host: 'llvm',
    connector: 'micro',
    tracker: 'localhost:9190',
    opencl: true,
    cuda: true,
    rebuild_runtime: true,
    setup: ['a'],
    teardown: ['b'],
    hardware_params: { num_cores: 2 },
    build: { 'tir.usmp.enable': true },
    micro: { template_dir: 'template', project_options: { board: 'x' }, aot: { workspace_bytes: 1 } },
    desired_layouts: { 'nn.conv2d': ['NHWC', 'default'] },
    rpc_runner: 'gvsoc',
    disable_vectorize: true,
  })
  expect(board.hardware_params).toMatchObject({ num_cores: 2, warp_size: 32, vector_unit_bytes: 64 })
  expect(board.micro?.aot).toMatchObject({
    interface_api: 'c',
    workspace_byte_alignment: 8,
    workspace_bytes: 1,
  })
})

test.each([
  [{ board: 'local_cpu', val_batch: 1 }, 'ERR_CONFIG', /no key 'val_batch'; did you mean 'val_batches'/],
  [
    { board: { name: 'x', setpu: [] } },
    'ERR_CONFIG',
    /no key 'board.setpu'; did you mean 'board.setup'|'setup'/,
  ],
  [{ board: { name: 'x', micro: { template: '' } } }, 'ERR_CONFIG', /board\.micro/],
  [
    { board: { name: 'x', micro: { aot: { interface_api: 'packed' } } } },
    'ERR_CONFIG',
    /interface_api: must be one of c/,
  ],
  [{ board: { name: 'x', micro: { aot: { use_workspace_io: true } } } }, 'ERR_CONFIG', /use_workspace_io/],
  [
    { board: { name: 'x', micro: { aot: { workspace_byte_alignment: 12 } } } },
    'ERR_CONFIG',
    /workspace_byte_alignment.*power of two/,
  ],
  [{ board: 'local_cpu', tuner: { name: 'baseline', budget: 4 } }, 'ERR_CONFIG', /tuner\.budget|task_budget/],
  [{ board: 'local_cpu', tuner: 'autotmv' }, 'ERR_CONFIG', /tuner/],
  [{ board: 'local_cpu', val_batches: -1 }, 'ERR_CONFIG', /val_batches/],
  [{ board: 'local_cpu', test_batches: 1.5 }, 'ERR_CONFIG', /test_batches/],
  [{ board: 'local_cpu', val_frequency: 0 }, 'ERR_CONFIG', /val_frequency/],
  [{ board: 'local_cpu', tune: 'yes' }, 'ERR_CONFIG', /tune/],
  [{}, 'ERR_CONFIG', /board/],
  [{ board: 'locl_cpu' }, 'ERR_UNKNOWN_BOARD', /did you mean 'local_cpu'/],
  [{ board: 'jetsonnano' }, 'ERR_NOT_AVAILABLE', /'jetsonnano'.*CUDA.*'jetsonnano_cpu'/],
  [{ board: 'local_cpu', tuner: 'tensorrt' }, 'ERR_CONFIG', /needs a target with CUDA/],
  [
    { board: { name: 'm', connector: 'micro' }, tuner: 'auto_scheduler' },
    'ERR_CONFIG',
    /only be tuned by autotvm/,
  ],
  [
    { board: { name: 'm', connector: 'local', desired_layouts: { 'nn.conv2d': ['NHCC'] } } },
    'ERR_CONFIG',
    /desired_layouts.*'NHCC', not an order of NCHW/,
  ],
])('create refuses %j', async (config, code, message) => {
  await expect(TvmBackend.create(config as never)).rejects.toEqual(fault(code, message))
})

test('batch counts of 0 are allowed', () => {
  expect(resolveConfig({ board: 'local_cpu', val_batches: 0, test_batches: 0 })).toMatchObject({
    val_batches: 0,
  })
})

const file = join(folder, 'config.yaml')
writeFileSync(
  file,
  `defaults:
  - backend: tvm
  - backend/board: desk
  - _self_
trainer:
  epochs: 3
backend:
  val_frequency: 7
  tuner: { name: baseline, task_budget: 8 }
`,
)
mkdirSync(join(folder, 'backend/board'), { recursive: true })
writeFileSync(join(folder, 'backend/board/desk.yaml'), 'name: desk\nconnector: local\ntarget: llvm\n')

test('a file has groups, whose options may be files beside it', () => {
  expect(loadBackendConfig(file)).toMatchObject({
    val_frequency: 7,
    board: { name: 'desk', target: 'llvm' },
    tuner: { name: 'baseline', task_budget: 8 },
  })
})

test.each([
  [['backend/tuner=autotvm', 'backend.val_frequency=5'], { tuner: { name: 'autotvm' }, val_frequency: 5 }],
  [['backend/board=local_cpu'], { board: { name: 'local_cpu' } }],
  [
    ['backend/board=local_cpu', 'backend.board.target=llvm -mcpu=x86-64-v3'],
    { board: { target: 'llvm -mcpu=x86-64-v3' } },
  ],
  [['backend.tune=false', '+backend.test_batches=3'], { tune: false, test_batches: 3 }],
  [
    ['backend.board=local_cpu', 'backend.board.disable_vectorize=true'],
    { board: { name: 'local_cpu', disable_vectorize: true } },
  ],
  [['backend.tuner=null'], { tuner: null }],
  [['~backend.tuner'], { val_frequency: 7 }],
])('overrides %j', (overrides, expected) => {
  expect(loadBackendConfig(file, overrides)).toMatchObject(expected)
})

test('overrides alone are a configuration', () => {
  const config = loadBackendConfig(null, ['backend=tvm', 'backend/board=local_cpu'])
  expect(resolveConfig(config as never).board.name).toBe('local_cpu')
  expect(loadBackendConfig(file, ['backend=null'])).toBeNull()
})

test('removing a key leaves its default', () => {
  expect(resolveConfig(loadBackendConfig(file, ['~backend.val_frequency']) as never).val_frequency).toBe(10)
})

test.each([
  [['backend/tuner=autotmv'], /no option 'autotmv'; did you mean 'autotvm'/],
  [['backend/bord=x'], /no group 'backend\/bord'; did you mean 'backend\/board'/],
  [['backend.val_frequency'], /no override/],
  [['backend.tuner={'], /override 'backend.tuner={'/],
])('wrong overrides %j', (overrides, message) => {
  expect(() => loadBackendConfig(file, overrides)).toThrow(fault('ERR_CONFIG', message))
})

test.each([
  ['not yaml: [', /line 1/],
  ['- a list', /must hold keys/],
  ['defaults: [backend/board]', /'group: name'/],
  ['defaults: [{backend/bord: x}]', /no group/],
])('a file with %j', (text, message) => {
  const path = join(folder, 'wrong.yaml')
  writeFileSync(path, text)
  expect(() => loadBackendConfig(path)).toThrow(fault('ERR_CONFIG', message))
})

test('a file that is not there', () => {
  expect(() => loadBackendConfig(join(folder, 'none.yaml'))).toThrow(fault('ERR_CONFIG', /cannot read/))
})

describe('a configuration of strangers', () => {
  const hostile = (text: string) => {
    const path = join(folder, 'hostile.yaml')
    writeFileSync(path, text)
    return () => loadBackendConfig(path)
  }
  test('chooses files of its groups and no others', () => {
    writeFileSync(join(folder, 'secret.yaml'), 'name: secret\ntarget: llvm\n')
    mkdirSync(join(folder, 'backend/board'), { recursive: true })
    for (const option of ['../../secret', `${folder}/secret`, '..\\..\\secret', 'x/../../../secret'])
      expect(() => loadBackendConfig(file, [`backend/board=${option}`])).toThrow(
        fault('ERR_CONFIG', /no option/),
      )
    expect(hostile('defaults: [{ backend/board: ../../secret }]')).toThrow(fault('ERR_CONFIG', /no option/))
  })
  test.each([
    [
      'aliases that multiply',
      `a: &a [x]\n${Array.from({ length: 9 }, (_, i) => `a${i}: &a${i} [${Array(20).fill(i === 0 ? '*a' : `*a${i - 1}`)}]`).join('\n')}`,
      /alias/,
    ],
    ['an alias of nothing', 'a: *b', /alias/i],
    ['an alias of what contains it', 'backend: &b { board: *b }', /means what contains it/],
    ['deep nesting', '['.repeat(100_000), /nested too deeply|line 1/],
    ['a key of JavaScript', 'backend: { __proto__: { x: 1 } }', /__proto__/],
  ])('%s end with a code', (_, text, message) => {
    expect(hostile(text)).toThrow(fault('ERR_CONFIG', message))
  })
  test('changes no prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).sort()
    for (const override of [
      '~__proto__.toString',
      '__proto__.x=1',
      '+backend.__proto__.x=1',
      '~backend.__proto__',
    ])
      expect(() => loadBackendConfig(file, [override])).toThrow(fault('ERR_CONFIG', /__proto__/))
    for (const override of ['constructor.prototype.x=1', '~constructor.prototype', '~toString'])
      loadBackendConfig(file, [override])
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before)
    expect({}.toString()).toBe('[object Object]')
  })
})
