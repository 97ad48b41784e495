import { broadcastShape, broadcastTo, emit, product, range, reshape, transpose } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'

operator('Identity', { since: 1, required: 1, takesSequences: true, convert: (_node, [x]) => x })

operator('Shape', {
  since: 1,
  required: 1,
  convert({ attrs }, [x]) {
    const clamp = (axis: number) => Math.min(Math.max(axis < 0 ? axis + x.rank : axis, 0), x.rank)
    return numbers(x.shape.slice(clamp(attrs.int('start', 0)), clamp(attrs.int('end', x.rank))), 'int64')
  },
})

operator('Size', { since: 1, required: 1, convert: (_node, [x]) => scalar(product(x.shape), 'int64') })

function reshapeTo(node: OnnxNode, x: Value, wanted: readonly number[], allowZero: boolean): Value {
  const shape = wanted.map((dim, axis) =>
    dim === 0 && !allowZero ? (x.shape[axis] ?? node.invalid(`no axis ${axis} to copy`)) : dim,
  )
  const open = shape.indexOf(-1)
  if (shape.some((dim, axis) => dim < 0 && axis !== open)) node.invalid(`the new shape is [${wanted}]`)
  if (open >= 0) {
    const rest = product(shape.filter((_, axis) => axis !== open))
    shape[open] = rest === 0 ? 0 : product(x.shape) / rest
  }
  if (shape.some((dim) => !Number.isInteger(dim)) || product(shape) !== product(x.shape)) {
    node.invalid(`shape [${x.shape}] cannot become [${wanted}]`)
  }
  return reshape(x, shape)
}

operator('Reshape', {
  since: 1,
  required: 1,
  convert: (node, [x]) => reshapeTo(node, x, node.attrs.ints('shape'), false),
})
operator('Reshape', {
  since: 5,
  required: 2,
  convert: (node, [x, shape]) =>
    reshapeTo(node, x, node.numbers(shape, 'shape'), node.attrs.flag('allowzero')),
})

operator('Flatten', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const given = node.attrs.int('axis', 1)
    const axis = given === x.rank ? given : node.axis(given, x.rank)
    return reshape(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))])
  },
})

function squeeze(node: OnnxNode, x: Value, given: readonly number[] | undefined): Value {
  const axes = given
    ? given.map((axis) => node.axis(axis, x.rank))
    : range(x.rank).filter((axis) => x.shape[axis] === 1)
  const wrong = axes.find((axis) => x.shape[axis] !== 1)
  if (wrong !== undefined) node.invalid(`axis ${wrong} of shape [${x.shape}] has not extent 1`)
  return reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  )
}

operator('Squeeze', {
  since: 1,
  required: 1,
  convert: (node, [x]) => squeeze(node, x, node.attrs.optionalInts('axes')),
})
operator('Squeeze', {
  since: 13,
  required: 1,
  convert: (node, [x, axes]) => squeeze(node, x, axes && node.numbers(axes, 'axes')),
})

function unsqueeze(node: OnnxNode, x: Value, given: readonly number[]): Value {
  const rank = x.rank + given.length
  const axes = new Set(given.map((axis) => node.axis(axis, rank)))
  if (axes.size !== given.length) node.invalid(`axes [${given}] repeat`)
  const rest = [...x.shape]
  return reshape(
    x,
    range(rank).map((axis) => (axes.has(axis) ? 1 : (rest.shift() as number))),
  )
}

operator('Unsqueeze', {
  since: 1,
  required: 1,
  convert: (node, [x]) => unsqueeze(node, x, node.attrs.ints('axes')),
})
operator('Unsqueeze', {
  since: 13,
  required: 2,
  convert: (node, [x, axes]) => unsqueeze(node, x, node.numbers(axes, 'axes')),
})

operator('Transpose', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const axes = node.attrs.ints('perm', range(x.rank).reverse())
    if (String([...axes].sort((a, b) => a - b)) !== String(range(x.rank)))
      node.invalid(`perm [${axes}] is no order of ${x.rank} axes`)
    return transpose(x, axes)
  },
})

operator('Expand', {
  since: 8,
  required: 2,
  convert(node, [x, shape]) {
    const wanted = node.numbers(shape, 'shape')
    return broadcastTo(
      x,
      broadcastShape(x.shape, wanted) ?? node.invalid(`[${x.shape}] does not broadcast to [${wanted}]`),
    )
  },
})

operator('Tile', {
  since: 6,
  required: 2,
  convert(node, [x, repeats]) {
    const reps = node.numbers(repeats, 'repeats')
    if (reps.length !== x.rank || reps.some((times) => times < 0))
      node.invalid(`repeats [${reps}] do not fit shape [${x.shape}]`)
    const shape = x.shape.map((extent, axis) => extent * (reps[axis] as number))
    return shape.includes(0) ? emit('zeros', [], { shape, dtype: x.dtype }) : emit('tile', [x], { reps })
  },
})
