import { expect, test } from 'vitest'
import { optimizeRelay } from '#lib/compile/build.js'
import { Call, Constant, call, constant, type Expr, func, Op, variable } from '#lib/ir/relay.js'
import { rewrite } from '#lib/ir/rewrite.js'
import { target } from '#lib/ir/target.js'
import { openLibrary } from '#lib/runtime/index.js'
import { random } from '../ops/reference.js'

const constantOf = (shape: readonly number[], seed: number) => {
  const { data } = random(shape, seed)
  return constant({ dtype: 'float32', shape: [...shape], data })
}
const conv = (x: Expr, filters: number, channels: number) =>
  call('nn.conv2d', [x, constantOf([filters, channels, 1, 1], filters)], {
    channels: filters,
    kernel_size: [1, 1],
  })
const dense = (x: Expr, units: number, depth: number) =>
  call('nn.dense', [x, constantOf([units, depth], units)], { units })

/** Weights that are not constant once the network is optimised, and products that are left. */
function optimised(shape: readonly number[], body: (x: Expr) => Expr) {
  openLibrary()
  const x = variable('x', shape, 'float32')
  const mod = optimizeRelay(func([x], body(x)), target('llvm -mcpu=x86-64-v3'))
  const found = { computedWeights: 0, products: 0 }
  rewrite(mod.lookup(), (expr) => {
    if (!(expr instanceof Call) || !(expr.op instanceof Op)) return expr
    if (expr.op.name === 'multiply') found.products++
    const weight = expr.args[1]
    if (/conv2d|dense/.test(expr.op.name) && !(weight instanceof Constant)) found.computedWeights++
    return expr
  })
  return found
}

test('a gate before a convolution stays out of its weights', () => {
  const body = (x: Expr) => {
    const gate = call('sigmoid', [conv(call('nn.global_avg_pool2d', [x]), 16, 16)])
    return conv(call('multiply', [x, gate]), 32, 16)
  }
  expect(optimised([1, 16, 8, 8], body)).toEqual({ computedWeights: 0, products: 1 })
})

test('so does one behind it, and those of a recurrent cell', () => {
  const behind = (x: Expr) =>
    call('multiply', [conv(x, 16, 16), call('sigmoid', [call('nn.global_avg_pool2d', [x])])])
  expect(optimised([1, 16, 8, 8], behind)).toEqual({ computedWeights: 0, products: 1 })
  const cell = (x: Expr) =>
    dense(call('multiply', [dense(x, 32, 16), call('sigmoid', [dense(x, 32, 16)])]), 16, 32)
  expect(optimised([1, 16], cell)).toEqual({ computedWeights: 0, products: 1 })
})

test('constant scales are still folded', () => {
  const body = (x: Expr) => call('multiply', [conv(x, 16, 16), constantOf([16, 1, 1], 3)])
  expect(optimised([1, 16, 8, 8], body)).toEqual({ computedWeights: 0, products: 0 })
})
