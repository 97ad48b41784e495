import { concatenate, range, reshape, sliceAxis } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, Value } from '../value.js'

/** Sequences are written out while a graph is imported: their lengths and the places in them must be known then. */
function itemsOf(node: OnnxNode, value: Value): readonly Value[] {
  return value.items ?? node.invalid('its input is no sequence')
}

/** A place in a sequence of `length`; negative ones count from the end. */
function place(node: OnnxNode, position: Value | undefined, length: number, otherwise: number): number {
  if (!position) return otherwise
  const given = node.number(position, 'position')
  const at = given < 0 ? given + length : given
  if (!Number.isInteger(at) || at < 0 || at > Math.max(length, otherwise)) {
    return node.invalid(`position ${given} is outside of a sequence of ${length}`)
  }
  return at
}

operator('SequenceEmpty', { since: 11, required: 0, convert: () => Value.sequence([]) })

operator('SequenceConstruct', {
  since: 11,
  required: 1,
  takesNarrow: true,
  convert: (_node, inputs) => Value.sequence(inputs.filter((value) => value !== undefined)),
})

operator('SequenceAt', {
  since: 11,
  required: 2,
  takesSequences: true,
  convert(node, [sequence, position]) {
    const items = itemsOf(node, sequence)
    return (
      items[place(node, position, items.length, 0)] ?? node.invalid('the position is behind the last element')
    )
  },
})

operator('SequenceInsert', {
  since: 11,
  required: 2,
  takesSequences: true,
  takesNarrow: true,
  convert(node, [sequence, value, position]) {
    const items = itemsOf(node, sequence)
    return Value.sequence(items.toSpliced(place(node, position, items.length, items.length), 0, value))
  },
})

operator('SequenceErase', {
  since: 11,
  required: 1,
  takesSequences: true,
  convert(node, [sequence, position]) {
    const items = itemsOf(node, sequence)
    const at = place(node, position, items.length, items.length - 1)
    return at < items.length && at >= 0
      ? Value.sequence(items.toSpliced(at, 1))
      : node.invalid('there is no element to erase')
  },
})

operator('SequenceLength', {
  since: 11,
  required: 1,
  takesSequences: true,
  convert: (node, [sequence]) => scalar(itemsOf(node, sequence).length, 'int64'),
})

/** Puts an axis of extent 1 into a shape. */
function withAxis(x: Value, axis: number): Value {
  return reshape(x, x.shape.toSpliced(axis, 0, 1))
}

operator('ConcatFromSequence', {
  since: 11,
  required: 1,
  takesSequences: true,
  convert(node, [sequence]) {
    const items = itemsOf(node, sequence)
    const [first] = items
    if (!first) return node.unsupported('an empty sequence cannot be concatenated')
    const isNew = node.attrs.flag('new_axis', false)
    const axis = node.axis(node.attrs.int('axis'), first.rank + (isNew ? 1 : 0))
    return concatenate(isNew ? items.map((each) => withAxis(each, axis)) : items, axis)
  },
})

operator('SplitToSequence', {
  since: 11,
  required: 1,
  convert(node, [x, split]) {
    const axis = node.axis(node.attrs.int('axis', 0), x.rank)
    const extent = x.shape[axis] as number
    const sizes = sizesOf(node, split, extent)
    const keep = split !== undefined || node.attrs.flag('keepdims', true)
    let begin = 0
    const items = sizes.map((size) => {
      const part = sliceAxis(x, axis, begin, begin + size)
      begin += size
      return keep ? part : reshape(part, x.shape.toSpliced(axis, 1))
    })
    return Value.sequence(items)
  },
})

/** One by one; all of the same size but the last; or as given. */
function sizesOf(node: OnnxNode, split: Value | undefined, extent: number): number[] {
  if (!split) return range(extent).map(() => 1)
  const given = node.numbers(split, 'split')
  if (split.rank > 0) {
    const total = given.reduce((sum, size) => sum + size, 0)
    return total === extent ? given : node.invalid(`the sizes [${given}] do not add up to ${extent}`)
  }
  const [size = 0] = given
  if (!(size > 0)) return node.invalid(`parts of ${size} elements`)
  return range(Math.ceil(extent / size)).map((i) => Math.min(size, extent - i * size))
}

operator('SequenceMap', {
  since: 17,
  required: 1,
  takesSequences: true,
  takesNarrow: true,
  convert(node, inputs, context) {
    const [sequence, ...others] = inputs as readonly Value[]
    const items = itemsOf(node, sequence as Value)
    const body = node.attrs.graph('body')
    const steps = items.map((item, i) => {
      const rest = others.map((other) => {
        if (!other.items) return other
        return other.items[i] ?? node.invalid('its sequences have different lengths')
      })
      return context.importSubgraph(body, [item, ...rest])
    })
    return body.output.map((_, output) => Value.sequence(steps.map((results) => results[output] as Value)))
  },
})

operator('Optional', {
  since: 15,
  required: 0,
  takesSequences: true,
  takesNarrow: true,
  convert: (_node, [value]) => value ?? Value.none,
})

operator('OptionalHasElement', {
  since: 15,
  required: 0,
  takesSequences: true,
  takesNarrow: true,
  convert: (_node, [value]) => scalar(value && value !== Value.none ? 1 : 0, 'bool'),
})

operator('OptionalGetElement', {
  since: 15,
  required: 1,
  takesSequences: true,
  takesNarrow: true,
  convert: (node, [value]) => (value === Value.none ? node.invalid('the optional has no value') : value),
})
