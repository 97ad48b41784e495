import { broadcastTo, cast, emit, product, range, reshape, sliceAxis } from '../emit.js'
import { operator } from '../registry.js'
import { filled, numbers, scalar, type Value } from '../value.js'
import { unravel } from './unravel.js'

operator('MaxUnpool', {
  since: 9,
  required: 2,
  convert(node, [x, places, outputShape]) {
    const { attrs } = node
    const rank = x.rank - 2
    const kernel = attrs.ints('kernel_shape')
    const strides = attrs.ints('strides', new Array<number>(rank).fill(1))
    const pads = attrs.ints('pads', new Array<number>(2 * rank).fill(0))
    const usual = kernel.map(
      (extent, i) =>
        ((x.shape[i + 2] as number) - 1) * (strides[i] as number) +
        extent -
        (pads[i] as number) -
        (pads[i + rank] as number),
    )
    const spatial = outputShape ? node.numbers(outputShape, 'output_shape').slice(2) : usual
    const shape = [...x.shape.slice(0, 2), ...spatial]
    const usualShape = [...x.shape.slice(0, 2), ...usual]
    const flat = (value: Value) => reshape(value, [product(value.shape)])
    // Places count in the tensor that the pool would have had; a larger one holds it at its beginning.
    const zeros = emit('zeros', [], { shape: [product(usualShape)], dtype: x.dtype })
    const scattered = emit('scatter_elements', [zeros, flat(cast(places, 'int64')), flat(x)], {
      axis: 0,
      reduction: 'update',
    })
    const pooled = reshape(scattered, usualShape)
    const width = shape.map((extent, axis) => [0, extent - (usualShape[axis] as number)] as [number, number])
    if (width.some(([, end]) => end < 0))
      node.invalid(`output_shape [${shape}] is smaller than [${usualShape}]`)
    if (width.every(([, end]) => end === 0)) return pooled
    return emit('nn.pad', [pooled, scalar(0, x.dtype)], { pad_width: width, pad_mode: 'constant' })
  },
})

operator('Col2Im', {
  since: 18,
  required: 3,
  convert(node, [x, imageShape, blockShape]) {
    const { attrs } = node
    const image = node.numbers(imageShape, 'image_shape')
    const block = node.numbers(blockShape, 'block_shape')
    const rank = image.length
    const list = (name: string, otherwise: number, length = rank) =>
      attrs.ints(name, new Array<number>(length).fill(otherwise))
    const [strides, dilations, pads] = [list('strides', 1), list('dilations', 1), list('pads', 0, 2 * rank)]
    const padded = image.map((extent, i) => extent + (pads[i] as number) + (pads[i + rank] as number))
    const blocks = padded.map(
      (extent, i) =>
        Math.floor(
          (extent - (dilations[i] as number) * ((block[i] as number) - 1) - 1) / (strides[i] as number),
        ) + 1,
    )
    const [batch, rows, columns] = x.shape as [number, number, number]
    const taps = product(block)
    if (rows % taps !== 0 || columns !== product(blocks))
      node.invalid(`shape [${x.shape}] does not fit ${product(blocks)} blocks of ${taps} elements`)
    const channels = rows / taps
    const places = range(taps).flatMap((tap) =>
      range(columns).map((column) => {
        const [within, at] = [unravel(tap, block), unravel(column, blocks)]
        return padded.reduce(
          (flat, extent, i) =>
            flat * extent +
            (at[i] as number) * (strides[i] as number) +
            (within[i] as number) * (dilations[i] as number),
          0,
        )
      }),
    )
    const count = batch * channels
    const zeros = filled(scalar(0, x.dtype).tensor as never, [count, product(padded)])
    const index = broadcastTo(numbers(places, 'int64', [1, taps * columns]), [count, taps * columns])
    const summed = emit('scatter_elements', [zeros, index, reshape(x, [count, taps * columns])], {
      axis: 1,
      reduction: 'add',
    })
    return image.reduce(
      (value, extent, i) => sliceAxis(value, i + 2, pads[i] as number, (pads[i] as number) + extent),
      reshape(summed, [batch, channels, ...padded]),
    )
  },
})
