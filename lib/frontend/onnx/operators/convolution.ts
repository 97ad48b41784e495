import { UNKNOWN_DIM } from '../../../ir/type.js'
import {
  add,
  concatenate,
  type EmitAttrs,
  emit,
  maximum,
  range,
  reshape,
  sliceAxis,
  subtract,
} from '../emit.js'
import { extentOf, extentValue, plus, sliceBetween } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'
import { reach, readGeometry, splitPadding } from './geometry.js'
import { padSame } from './same-padding.js'

const letters = ['W', 'HW', 'DHW']

/** Relay's names of layouts for that many spatial axes. */
function layouts(
  node: OnnxNode,
  spatial: number,
  kernel: 'OI' | 'IO',
): { data_layout: string; kernel_layout: string } {
  const axes = letters[spatial - 1]
  if (!axes) return node.unsupported(`it has ${spatial} spatial axes; 1 to 3 are supported`)
  return { data_layout: `NC${axes}`, kernel_layout: `${kernel}${axes}` }
}

function checkWeight(node: OnnxNode, data: Value, weight: Value): void {
  if (data.rank < 3 || weight.rank !== data.rank) {
    node.invalid(`input [${data.dims}] and weight [${weight.shape}] do not fit`)
  }
  if (data.dims[1] === -1) node.dynamic('its input has an open number of channels', [data])
  const given = node.attrs.optionalInts('kernel_shape')
  if (given && String(given) !== String(weight.shape.slice(2))) {
    node.invalid(`kernel_shape is [${given}], the weight's is [${weight.shape.slice(2)}]`)
  }
}

/** The convolution without its bias; `outDtype` is that of the sums. `make` calls the operator, by default Relay's own. */
export function convolve(
  node: OnnxNode,
  data: Value,
  weight: Value,
  outDtype: string,
  make: (attrs: EmitAttrs) => Value = (attrs) => emit(`nn.conv${data.rank - 2}d`, [data, weight], attrs),
): Value {
  checkWeight(node, data, weight)
  const spatial = data.rank - 2
  const groups = node.attrs.int('group', 1)
  const [channels = 0, perGroup = 0, ...kernel] = weight.shape
  if (groups < 1 || (data.dims[1] as number) !== perGroup * groups || channels % groups !== 0) {
    node.invalid(`input [${data.dims}], weight [${weight.shape}] and group ${groups} do not fit`)
  }
  const { strides, dilations, padBegin, padEnd } = readGeometry(node, data.dims, kernel)
  return make({
    strides: [...strides],
    padding: [...padBegin, ...padEnd],
    dilation: [...dilations],
    groups,
    channels,
    kernel_size: kernel,
    out_dtype: outDtype,
    ...layouts(node, spatial, 'OI'),
  })
}

export function addBias(result: Value, bias: Value | undefined): Value {
  return bias ? emit('nn.bias_add', [result, bias], { axis: 1 }) : result
}

operator('Conv', {
  since: 1,
  required: 2,
  convert(given, [x, weight, bias]) {
    const { node, data } = padSame(given, x, weight.shape.slice(2), scalar(0, x.dtype))
    return addBias(convolve(node, data, weight, data.dtype), bias)
  },
})

/** Spreads a kernel [a, b, ...spatial] by its dilations, with zeros between its elements. */
function dilateKernel(weight: Value, dilations: readonly number[]): Value {
  return dilations.reduce((kernel, dilation, i) => {
    const axis = 2 + i
    const extent = kernel.shape[axis] as number
    if (dilation === 1 || extent === 1) return kernel
    const apart = reshape(kernel, [...kernel.shape.slice(0, axis + 1), 1, ...kernel.shape.slice(axis + 1)])
    const zeros = emit('zeros', [], {
      shape: apart.shape.map((dim, a) => (a === axis + 1 ? dilation - 1 : dim)),
      dtype: kernel.dtype,
    })
    const spread = concatenate([apart, zeros], axis + 1)
    const joined = reshape(
      spread,
      kernel.shape.map((dim, a) => (a === axis ? dim * dilation : dim)),
    )
    return sliceAxis(joined, axis, 0, reach(extent, dilation))
  }, weight)
}

/** Cuts the spatial axes to given extents; of what is too much an odd one goes to the end for SAME_UPPER, else to the beginning. */
function cutTo(x: Value, wanted: readonly number[], auto: string): Value {
  return wanted.reduce((value, extent, i) => {
    const total = maximum(subtract(extentValue(extentOf(value, 2 + i)), extent), 0)
    const half = emit('floor_divide', [auto === 'SAME_UPPER' ? total : add(total, 1), extentValue(2)])
    return sliceBetween(value, 2 + i, half, plus(half, extent))
  }, x)
}

operator('ConvTranspose', {
  since: 1,
  required: 2,
  convert(node, [data, weight, bias]) {
    checkWeight(node, data, weight)
    const { attrs } = node
    const spatial = data.rank - 2
    const groups = attrs.int('group', 1)
    const [inputs = 0, perGroup = 0, ...kernel] = weight.shape
    if (groups < 1 || data.dims[1] !== inputs || inputs % groups !== 0) {
      node.invalid(`input [${data.dims}], weight [${weight.shape}] and group ${groups} do not fit`)
    }
    const axes = range(spatial)
    const auto = attrs.string('auto_pad', 'NOTSET')
    const isSame = auto.startsWith('SAME')
    const plain = isSame ? node.without('auto_pad') : node
    const { strides, dilations, ...explicit } = readGeometry(plain, data.dims, kernel)
    let outputPadding = [
      ...attrs.ints(
        'output_padding',
        axes.map(() => 0),
      ),
    ]
    /** What the last window adds to the steps between windows. */
    const beyond = (i: number) =>
      reach(kernel[i] as number, dilations[i] as number) + (outputPadding[i] as number)
    const outputShape = attrs.optionalInts('output_shape')?.slice(-spatial)
    // What is cut off follows from extents that only a run knows, so that it is cut off behind.
    const isCutLater = outputShape !== undefined && data.dims.slice(2).includes(UNKNOWN_DIM)
    let padding: { padBegin: readonly number[]; padEnd: readonly number[] } = isCutLater
      ? { padBegin: axes.map(() => 0), padEnd: axes.map(() => 0) }
      : explicit
    if ((outputShape && !isCutLater) || isSame) {
      const totals = axes.map((i) => {
        const stride = strides[i] as number
        // SAME has a stride of results for each element, whatever their number is.
        if (!outputShape) return beyond(i) - stride
        return ((data.shape[2 + i] as number) - 1) * stride + beyond(i) - (outputShape[i] as number)
      })
      padding = splitPadding(
        totals.map((total) => Math.max(total, 0)),
        auto,
      )
      outputPadding = outputPadding.map((extra, i) => extra + Math.max(-(totals[i] as number), 0))
    }
    const spread = dilateKernel(weight, dilations)
    const whole = emit(`nn.conv${spatial}d_transpose`, [data, spread], {
      strides: [...strides],
      padding: [...padding.padBegin, ...padding.padEnd],
      output_padding: outputPadding,
      groups,
      channels: perGroup * groups,
      kernel_size: spread.shape.slice(2),
      out_dtype: data.dtype,
      ...layouts(node, spatial, 'IO'),
    })
    const result = isCutLater ? cutTo(whole, outputShape, auto) : whole
    return bias
      ? add(
          result,
          reshape(
            bias,
            [1, -1, ...axes.map(() => 1)].map((dim) => (dim === -1 ? perGroup * groups : dim)),
          ),
        )
      : result
  },
})
