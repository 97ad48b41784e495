import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  float,
  getGlobalFunc,
  loadModuleFromFile,
  Module,
  NDArray,
  openLibrary,
  type PackedFunc,
  packed,
  registerFunc,
  type TvmArg,
  type TvmObject,
} from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'

openLibrary()
const folder = mkdtempSync(join(tmpdir(), 'tvm-node-module-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A function of two buffers of four floats that hands both to the packed function `callee`. */
function handsOver(callee: string): Module {
  const int32 = (value: number) => getGlobalFunc('node._const')(value, 'int32', null)
  const four = int32(4)
  const call = (dtype: string, op: string, args: TvmArg[]) =>
    getGlobalFunc('tir.Call')(dtype, getGlobalFunc('ir.GetOp')(op), args, null)
  const pointer = getGlobalFunc('ir.PointerType')(getGlobalFunc('ir.PrimType')('float32'), 'global')
  const buffer = (name: string) =>
    getGlobalFunc('tir.Buffer')(
      ...[
        getGlobalFunc('tir.Var')(name, pointer, null),
        'float32',
        [four],
        [],
        int32(0),
        name,
        64,
        1,
        '',
        [],
        null,
      ],
    ) as TvmObject
  const raw = (from: TvmObject) =>
    call('handle', 'tir.tvm_stack_make_array', [
      ...[from.get('data'), call('handle', 'tir.tvm_stack_make_shape', [four]), int32(0), int32(1)],
      ...[getGlobalFunc('node._const')(float(0), 'float32', null), int32(0)],
    ])
  const input = getGlobalFunc('te.Placeholder')([four], 'float32', 'input') as TvmObject
  const [from, to] = [buffer('from'), buffer('to')]
  const args = [getGlobalFunc('tir.StringImm')(callee, null), raw(from), raw(to)]
  const body = getGlobalFunc('tir.Evaluate')(call('int32', 'tir.tvm_call_packed', args), null)
  const op = getGlobalFunc('te.ExternOp')('extern', '', {}, [input], [from], [to], body) as TvmObject
  const output = getGlobalFunc('te.OpGetOutput')(op, 0)
  const schedule = getGlobalFunc('te.CreateSchedule')([op])
  const lowered = getGlobalFunc('driver.lower_schedule')(schedule, [input, output], 'main', {}, false)
  const llvm = getGlobalFunc('target.Target')('llvm') as TvmObject
  const target = getGlobalFunc('target.WithHost')(llvm, llvm) as TvmObject
  return getGlobalFunc('driver.tir_to_runtime')(new Map([[target, lowered]]), llvm) as Module
}

describe('a compiled module', () => {
  registerFunc('test.double', (from: NDArray, to: NDArray) => {
    const doubled = from.toTensor()
    for (const [i, x] of (doubled.data as Float32Array).entries()) doubled.data[i] = 2 * x
    to.copyFrom(doubled)
  })
  const module = handsOver('test.double')

  test('calls JavaScript, which writes to its buffers', () => {
    const to = NDArray.empty([4], 'float32')
    module.getFunction('main')?.(NDArray.from(tensor(new Float32Array([1, 2, 3, 4]))), to)
    expect([...to.toTensor().data]).toEqual([2, 4, 6, 8])
  })
  test('checks its arguments', () => {
    const main = module.getFunction('main') as PackedFunc
    expect(() => main(NDArray.empty([5], 'float32'), NDArray.empty([4], 'float32'))).toThrow(
      expect.objectContaining({ code: 'ERR_TVM' }),
    )
    expect(() => main(NDArray.empty([4], 'int8'), NDArray.empty([4], 'float32'))).toThrow(/dtype/)
  })
  test('shows and saves its code', () => {
    expect(module.typeKey).toBe('llvm')
    expect(module.getSource('ll')).toContain('define')
    const path = join(folder, 'main.o')
    module.saveToFile(path, 'obj')
    expect(readFileSync(path).subarray(1, 4).toString()).toBe('ELF')
    expect(() => module.saveToFile(join(folder, 'none', 'main.o'), 'obj')).toThrow(
      expect.objectContaining({ code: 'ERR_TVM' }),
    )
  })
})

test('a module made in C++', () => {
  const module = getGlobalFunc('testing.FrontendTestModule')() as Module
  expect(module).toBeInstanceOf(Module)
  expect(module.typeKey).toBe('frontend_test')
  expect(module.getFunction('no such function')).toBe(null)
  module.getFunction('__add_function')?.(
    'answer',
    packed(() => 42),
  )
  expect(module.getFunction('answer')?.()).toBe(42)
  expect(module.imports).toEqual([])
  const imported = getGlobalFunc('testing.FrontendTestModule')() as Module
  imported.getFunction('__add_function')?.(
    'deep',
    packed(() => 'found'),
  )
  module.import(imported)
  expect(module.imports).toHaveLength(1)
  expect(module.imports[0]?.sameAs(imported)).toBe(true)
  expect(module.getFunction('deep')).toBe(null)
  expect(module.getFunction('deep', true)?.()).toBe('found')
  module.dispose()
  expect(() => module.typeKey).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
})

test('a missing file', () => {
  expect(() => loadModuleFromFile(join(folder, 'none.so'))).toThrow(
    expect.objectContaining({ code: 'ERR_TVM', message: expect.stringContaining('none.so') }),
  )
})
