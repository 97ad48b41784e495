import type { DType } from '../../../tensor.js'
import { emit, multiply, product, range, reshape, sliceAxis, takeAxis, transpose } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { checkedShape, elementType } from '../tensor-proto.js'
import { numbers, type Value } from '../value.js'

/** Weights of cosines of 0, 1 and 2 turns a window. */
const windows: Readonly<Record<string, readonly number[]>> = {
  HannWindow: [0.5, -0.5],
  HammingWindow: [25 / 46, -21 / 46],
  BlackmanWindow: [0.42, -0.5, 0.08],
}

function resultType(node: OnnxNode): DType {
  return elementType(node.attrs.int('output_datatype', 1), node.label)
}

for (const [name, terms] of Object.entries(windows)) {
  operator(name, {
    since: 17,
    required: 1,
    convert(node, [size]) {
      const count = node.number(size, 'size')
      checkedShape([count], node.label)
      const period = node.attrs.flag('periodic', true) ? count : count - 1
      const at = (i: number) =>
        terms.reduce((sum, weight, turns) => sum + weight * Math.cos((2 * Math.PI * turns * i) / period), 0)
      return numbers(range(count).map(at), resultType(node))
    },
  })
}

operator('MelWeightMatrix', {
  since: 17,
  required: 4,
  convert(node, [bands, length, rate, lowest, highest]) {
    const given = [bands, length, rate, lowest, highest].map((value, i) =>
      value ? node.number(value, `input ${i}`) : node.invalid(`its input ${i} is missing`),
    ) as [number, number, number, number, number]
    const [count, dftLength, sampleRate, low, high] = given
    const rows = Math.floor(dftLength / 2) + 1
    checkedShape([rows, count], node.label)
    const mel = (frequency: number) => 2595 * Math.log10(1 + frequency / 700)
    const step = (mel(high) - mel(low)) / (count + 2)
    const edges = range(count + 2).map((i) => {
      const frequency = 700 * (10 ** ((i * step + mel(low)) / 2595) - 1)
      return Math.floor(((dftLength + 1) * frequency) / sampleRate)
    })
    const weights = new Float64Array(rows * count)
    const put = (row: number, band: number, weight: number) => {
      if (row >= 0 && row < rows) weights[row * count + band] = weight
    }
    for (const band of range(count)) {
      const [begin, peak, end] = edges.slice(band, band + 3) as [number, number, number]
      if (begin === peak) put(peak, band, 1)
      else for (const row of range(peak + 1, begin)) put(row, band, (row - begin) / (peak - begin))
      for (const row of range(end, peak)) put(row, band, (end - row) / (end - peak))
    }
    return numbers(Array.from(weights), resultType(node), [rows, count])
  },
})

/** Transforms are products with a matrix, whose size grows with the square of their length. */
const MAX_LENGTH = 4096

interface Transform {
  readonly length: number
  readonly bins: number
  readonly inverse: boolean
}

/** The discrete Fourier transform of the rows of [rows, length, 1 or 2]: [rows, bins, 2]. */
function transform(node: OnnxNode, x: Value, { length, bins, inverse }: Transform): Value {
  if (length > MAX_LENGTH)
    node.unsupported(`transforms of ${length} points; at most ${MAX_LENGTH} are supported`)
  const parts = x.shape[2] as number
  if (parts !== 1 && parts !== 2) node.invalid(`the last axis of its input has extent ${parts}, not 1 or 2`)
  const scale = inverse ? 1 / length : 1
  const sign = inverse ? -1 : 1
  const matrix = range(bins).flatMap((k) => {
    const row = (entry: (cos: number, sin: number) => readonly [number, number]) =>
      range(length).flatMap((n) => {
        // Whole turns are left out, which keeps the angle exact.
        const angle = (2 * Math.PI * ((k * n) % length)) / length
        return entry(Math.cos(angle) * scale, sign * Math.sin(angle) * scale).slice(0, parts)
      })
    return [...row((cos, sin) => [cos, sin]), ...row((cos, sin) => [-sin, cos])]
  })
  const weight = numbers(matrix, x.dtype, [bins * 2, length * parts])
  const rows = reshape(x, [x.shape[0] as number, length * parts])
  return reshape(emit('nn.dense', [rows, weight], { units: bins * 2, out_dtype: x.dtype }), [
    x.shape[0] as number,
    bins,
    2,
  ])
}

function binsOf(node: OnnxNode, length: number, onesided: boolean): number {
  if (!onesided) return length
  if (node.attrs.flag('inverse')) node.unsupported('an inverse transform of half a spectrum is not supported')
  return Math.floor(length / 2) + 1
}

function dft(node: OnnxNode, x: Value, lengthValue: Value | undefined, given: number): Value {
  const axis = node.axis(given, x.rank)
  if (x.rank < 2 || axis === x.rank - 1) node.invalid(`axis ${given} of shape [${x.shape}] holds no signal`)
  const length = lengthValue ? node.number(lengthValue, 'dft_length') : (x.shape[axis] as number)
  const order = [...range(x.rank - 1).filter((each) => each !== axis), axis, x.rank - 1]
  const moved = transpose(x, order)
  const extent = x.shape[axis] as number
  const outer = moved.shape.slice(0, -2)
  const rows = reshape(moved, [product(outer), extent, x.shape.at(-1) as number])
  const fitted = fitAxis(rows, 1, extent, length)
  const bins = binsOf(node, length, node.attrs.flag('onesided'))
  const result = transform(node, fitted, { length, bins, inverse: node.attrs.flag('inverse') })
  const back = range(x.rank).map((each) => order.indexOf(each))
  return transpose(reshape(result, [...outer, bins, 2]), back)
}

/** Cuts an axis off, or fills it up with zeros, at its end. */
function fitAxis(x: Value, axis: number, extent: number, length: number): Value {
  if (length <= extent) return sliceAxis(x, axis, 0, length)
  const pads = x.shape.map((_, i) => [0, i === axis ? length - extent : 0] as [number, number])
  return emit('nn.pad', [x, numbers([0], x.dtype, [])], { pad_width: pads, pad_mode: 'constant' })
}

operator('DFT', {
  since: 17,
  required: 1,
  convert: (node, [x, length]) => dft(node, x, length, node.attrs.int('axis', 1)),
})
operator('DFT', {
  since: 20,
  required: 1,
  convert: (node, [x, length, axis]) => dft(node, x, length, axis ? node.number(axis, 'axis') : -2),
})

operator('STFT', {
  since: 17,
  required: 2,
  convert(node, [signal, stepValue, window, lengthValue]) {
    const [batch = 0, extent = 0, parts = 1] = signal.shape
    const step = node.number(stepValue, 'frame_step')
    const length = lengthValue
      ? node.number(lengthValue, 'frame_length')
      : (window?.shape[0] ?? node.invalid('it needs a window or a frame_length'))
    if (step < 1 || length < 1 || length > extent)
      node.invalid(`frames of ${length} in steps of ${step} do not fit ${extent} samples`)
    const frames = Math.floor((extent - length) / step) + 1
    const places = range(frames).flatMap((frame) => range(length).map((i) => frame * step + i))
    const samples = takeAxis(reshape(signal, [batch, extent, parts]), places, 1)
    const rows = reshape(samples, [batch * frames, length, parts])
    const weighted = window ? multiply(rows, reshape(window, [1, length, 1])) : rows
    const bins = binsOf(node, length, node.attrs.flag('onesided', true))
    const result = transform(node, weighted, { length, bins, inverse: false })
    return reshape(result, [batch, frames, bins, 2])
  },
})
