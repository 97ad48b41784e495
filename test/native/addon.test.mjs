import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'

const native = createRequire(import.meta.url)('../../build/Release/tvm_node.node')

test('the addon loads and holds no handles', () => {
  const { object, packedFunc, module, ndarray } = native.handleCounts()
  assert.deepEqual({ object, packedFunc, module, ndarray }, { object: 0, packedFunc: 0, module: 0, ndarray: 0 })
})

test('no library is open at first', () => assert.equal(native.openedPath(), ''))
