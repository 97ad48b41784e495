import { describe, expect, test } from 'vitest'
import {
  getGlobalFunc,
  loadJSON,
  makeNode,
  openLibrary,
  registerObjectType,
  saveJSON,
  structuralEqual,
  structuralHash,
  TvmArray,
  TvmMap,
  TvmObject,
  type TvmValue,
} from '#lib/runtime/index.js'

openLibrary()
const echo = getGlobalFunc('testing.echo')

class IntImm extends TvmObject {
  readonly madeBy = 'a constructor'
  get value(): TvmValue {
    return this.get('value')
  }
}
registerObjectType('IntImm', IntImm)

const intImm = (value: number, dtype = 'int32') => makeNode('IntImm', { dtype, value, span: null }) as IntImm
const variable = (name: string) => getGlobalFunc('tir.Var')(name, 'int32', null) as TvmObject

describe('objects', () => {
  test('are instances of the class of their type', () => {
    const five = intImm(5)
    expect(five).toBeInstanceOf(IntImm)
    expect(five.madeBy).toBe('a constructor')
    expect(five.value).toBe(5)
    expect(five.typeKey).toBe('IntImm')
    expect(five.typeIndex).toBeGreaterThan(0)
    expect(echo(five)).toBeInstanceOf(IntImm)
    expect(variable('x').constructor).toBe(TvmObject)
  })
  test('show their fields', () => {
    const five = intImm(5, 'int8')
    expect(five.fieldNames().sort()).toEqual(['dtype', 'span', 'value'])
    expect(five.get('dtype')).toBe('int8')
    expect(five.get('span')).toBe(null)
    expect(() => five.get('nothing')).toThrow(
      expect.objectContaining({ code: 'ERR_TVM', message: expect.stringContaining('nothing') }),
    )
    expect(() => makeNode('IntImm', { dtype: 'int32' })).toThrow(expect.objectContaining({ code: 'ERR_TVM' }))
  })
  test('know whether they are the same', () => {
    const x = variable('x')
    expect(x.sameAs(echo(x) as TvmObject)).toBe(true)
    expect(x.sameAs(variable('x'))).toBe(false)
    expect(x.address).toBe((echo(x) as TvmObject).address)
  })
  test('compare and hash by structure', () => {
    expect(structuralEqual(intImm(3), intImm(3))).toBe(true)
    expect(structuralEqual(intImm(3), intImm(4))).toBe(false)
    expect(structuralEqual(variable('x'), variable('x'))).toBe(false)
    expect(structuralEqual(variable('x'), variable('y'), true)).toBe(true)
    expect(structuralHash(intImm(3))).toBe(structuralHash(intImm(3)))
    expect(structuralHash(intImm(3))).not.toBe(structuralHash(intImm(4)))
    expect(structuralHash(intImm(3))).toBeGreaterThanOrEqual(0n)
  })
  test('survive JSON', () => {
    const json = saveJSON([intImm(7), 'text'])
    expect(JSON.parse(json).attrs.tvm_version).toMatch(/^0\.18/)
    const [seven, text] = (loadJSON(json) as TvmArray).toArray()
    expect((seven as IntImm).value).toBe(7)
    expect(text).toBe('text')
  })
  test('print as the library does', () => expect(String(intImm(12))).toBe('12'))
  test('are freed by dispose', () => {
    const five = intImm(5)
    const again = echo(five) as TvmObject
    five.dispose()
    five.dispose()
    expect(five.disposed).toBe(true)
    expect(() => five.value).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
    expect(again.get('value')).toBe(5)
  })
  test('the library counts our references', () => {
    const count = getGlobalFunc('testing.object_use_count')
    const x = variable('x')
    const before = count(x) as number
    const held = echo(x) as TvmObject
    expect(count(x)).toBe(before + 1)
    held.dispose()
    expect(count(x)).toBe(before)
  })
})

describe('arrays', () => {
  test('of JavaScript values', () => {
    const array = echo([1, 2.5, true, 'text', null, [3]]) as TvmArray
    expect(array).toBeInstanceOf(TvmArray)
    expect(array.length).toBe(6)
    expect(array.toArray().slice(0, 5)).toEqual([1, 2.5, true, 'text', null])
    expect([...(array.at(5) as TvmArray)]).toEqual([3])
    expect([...(array.at(-1) as TvmArray)]).toEqual([3])
    expect(() => array.at(6)).toThrow()
  })
  test('empty and long', () => {
    expect((echo([]) as TvmArray).toArray()).toEqual([])
    const numbers = Array.from({ length: 10_000 }, (_, i) => i)
    expect((echo(numbers) as TvmArray).toArray()).toEqual(numbers)
  })
  test('elements become what the function asks for', () => {
    const array = getGlobalFunc('testing.AcceptsArrayOfPrimExpr')([1, intImm(2)]) as TvmArray
    expect(array.toArray().map((item) => (item as IntImm).value)).toEqual([1, 2])
  })
})

describe('maps', () => {
  test('of plain objects and of maps', () => {
    const map = echo({ a: 1, b: 'two', c: [3] }) as TvmMap<string>
    expect(map).toBeInstanceOf(TvmMap)
    expect(map.size).toBe(3)
    expect(map.get('a')).toBe(1)
    expect(map.has('b')).toBe(true)
    expect(map.has('z')).toBe(false)
    expect(() => map.get('z')).toThrow(expect.objectContaining({ code: 'ERR_TVM' }))
    expect(new Map([...map.entries()].slice().sort()).size).toBe(3)
    const x = variable('x')
    const byObject = echo(new Map([[x, 'value']])) as TvmMap<TvmObject, string>
    expect(byObject.get(x)).toBe('value')
    expect((echo({}) as TvmMap).size).toBe(0)
    expect((echo(Object.create(null)) as TvmMap).size).toBe(0)
  })
})

describe('strings', () => {
  test('with a NUL reach the library whole', () => {
    const json = saveJSON(getGlobalFunc('tir.StringImm')('a\0b', null) as TvmObject)
    const { repr_b64 } = JSON.parse(json).nodes.find((node: { repr_b64?: string }) => node.repr_b64)
    const lengthAndText = Buffer.from(repr_b64, 'base64')
    expect(lengthAndText.readBigUInt64LE()).toBe(3n)
    expect(lengthAndText.subarray(8).toString()).toBe('a\0b')
  })
})
