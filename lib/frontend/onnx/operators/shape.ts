import { cast, emit, product, range, reshape, transpose } from '../emit.js'
import {
  broadcastExtents,
  broadcastToExtents,
  type Extent,
  extentsIn,
  extentsOf,
  extentValue,
  productOf,
  reshapeTo,
  rowOf,
  times,
  withExtents,
} from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'

operator('Identity', { since: 1, required: 1, takesSequences: true, convert: (_node, [x]) => x })

operator('Shape', {
  since: 1,
  required: 1,
  convert({ attrs }, [x]) {
    const clamp = (axis: number) => Math.min(Math.max(axis < 0 ? axis + x.rank : axis, 0), x.rank)
    return rowOf(extentsOf(x).slice(clamp(attrs.int('start', 0)), clamp(attrs.int('end', x.rank))))
  },
})

operator('Size', {
  since: 1,
  required: 1,
  convert(_node, [x]) {
    const size = productOf(extentsOf(x))
    return typeof size === 'number' ? scalar(size, 'int64') : reshape(size, [])
  },
})

/** Extents of which 0 keeps one of the input and -1 stands for what is left. */
function reshapeBy(node: OnnxNode, x: Value, wanted: readonly number[], allowZero: boolean): Value {
  if (x.isOpen) return reshapeOpen(node, x, wanted, allowZero)
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

function reshapeOpen(node: OnnxNode, x: Value, wanted: readonly number[], allowZero: boolean): Value {
  const own = extentsOf(x)
  const kept = wanted.map((dim, axis): Extent => {
    if (dim !== 0 || allowZero) return dim
    return own[axis] ?? node.invalid(`no axis ${axis} to copy`)
  })
  const rest = wanted.indexOf(-1)
  if (wanted.some((dim, axis) => dim < 0 && axis !== rest)) node.invalid(`the new shape is [${wanted}]`)
  // What is open and stays where it is goes out of the calculation of what is left.
  const others = kept.filter((extent, axis) => axis !== rest && !own.includes(extent))
  const given = own.filter((extent) => typeof extent === 'number' || !kept.includes(extent))
  const [all, known] = [productOf(given), productOf(others)]
  const left = typeof all === 'number' && typeof known === 'number' ? all / known : undefined
  if (left !== undefined && !Number.isInteger(left))
    node.invalid(`shape [${x.dims}] cannot become [${wanted}]`)
  const extents = kept.map((extent, axis) => (axis === rest && left !== undefined ? left : extent))
  if (rest < 0 || left !== undefined) return reshapeTo(x, extents)
  const copies = kept.every((extent, axis) => typeof extent === 'number' || extent === own[axis])
  if (copies && !allowZero) return emit('reshape', [x], { newshape: [...wanted] })
  const shaped = emit('dyn.reshape', [x, rowOf(extents)], { newshape: null, allowzero: allowZero })
  return withExtents(
    shaped,
    extents.map((extent, axis) => (axis === rest ? extentValue(1) : extent)),
  )
}

/** To a shape of which a run says some or all. */
function reshapeByValue(x: Value, shape: Value, allowZero: boolean): Value {
  const extents = shape.extents
  const [rank = 0] = shape.shape
  const shaped = emit('dyn.reshape', [x, cast(shape, 'int64')], { newshape: null, allowzero: allowZero })
  const certain = (extents ?? new Array<number>(rank).fill(-1)).map((extent) =>
    extent > 0 ? extent : extentValue(1),
  )
  return withExtents(shaped, certain)
}

operator('Reshape', {
  since: 1,
  required: 1,
  convert: (node, [x]) => reshapeBy(node, x, node.attrs.ints('shape'), false),
})
operator('Reshape', {
  since: 5,
  required: 2,
  convert(node, [x, shape]) {
    const allowZero = node.attrs.flag('allowzero')
    const known = node.knownNumbers(shape, 'shape')
    return known ? reshapeBy(node, x, known, allowZero) : reshapeByValue(x, shape, allowZero)
  },
})

operator('Flatten', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const given = node.attrs.int('axis', 1)
    const axis = given === x.rank ? given : node.axis(given, x.rank)
    const extents = extentsOf(x)
    return reshapeTo(x, [productOf(extents.slice(0, axis)), productOf(extents.slice(axis))])
  },
})

function squeeze(node: OnnxNode, x: Value, given: readonly number[] | undefined): Value {
  const axes = given
    ? given.map((axis) => node.axis(axis, x.rank))
    : range(x.rank).filter((axis) => x.shape[axis] === 1)
  if (x.isOpen) return emit('squeeze', [x], { axis: axes })
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
  const rest = [...extentsOf(x)]
  return reshapeTo(
    x,
    range(rank).map((axis) => (axes.has(axis) ? 1 : (rest.shift() as Extent))),
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
    node.knownNumbers(shape, 'shape')
    const wanted = extentsIn(shape)
    return broadcastToExtents(
      x,
      broadcastExtents(extentsOf(x), wanted) ?? node.invalid(`[${x.dims}] does not broadcast to [${wanted}]`),
    )
  },
})

operator('Tile', {
  since: 6,
  required: 2,
  convert(node, [x, repeats]) {
    const reps = node.knownNumbers(repeats, 'repeats')
    if (!reps || x.isOpen) {
      const extents = extentsOf(x).map((extent, axis) => times(extent, extentsIn(repeats)[axis] ?? 1))
      const tiled = emit('dyn.tile', [x, cast(repeats, 'int64')], { reps: null })
      return withExtents(tiled, extents)
    }
    if (reps.length !== x.rank || reps.some((times) => times < 0))
      node.invalid(`repeats [${reps}] do not fit shape [${x.shape}]`)
    const shape = x.shape.map((extent, axis) => extent * (reps[axis] as number))
    return shape.includes(0) ? emit('zeros', [], { shape, dtype: x.dtype }) : emit('tile', [x], { reps })
  },
})
