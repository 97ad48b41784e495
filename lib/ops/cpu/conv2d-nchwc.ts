import { registerTemplate } from '../../schedule-config/template.js'
import { theTensor } from '../../schedule-config/workload.js'
import { blockedConvolution, blockedDepthwise, blockedOperands } from './blocked-convolution.js'
import { scheduleBlockedConvolution } from './conv2d-schedule.js'
import { convolutionShape, defaultBlocks, defineBlockKnobs } from './conv2d-workload.js'

/** Arguments: data, weight, strides, padding, dilation, layout, output layout, output type. */
export const conv2dNCHWc = registerTemplate({
  name: 'conv2d_NCHWc.x86',
  compute(config, args) {
    const shape = convolutionShape(args)
    const pointwise = shape.kernel[0] * shape.kernel[1] === 1
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.undilatedWidth,
      policy: 'verbose',
      ...(pointwise ? { pointwise: shape.undilatedHeight } : {}),
    })
    const [data, weight] = blockedOperands(config, args, shape, false)
    return [blockedConvolution(data, weight, args, shape.groups, (args[7] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) => defaultBlocks(convolutionShape(args), target, { pointwise: true }),
})

/** Arguments: data, weight, strides, padding, dilation, groups, output type. */
export const groupConv2d = registerTemplate({
  name: 'group_conv2d_nchw.x86',
  compute(config, args) {
    const groups = args[5] as number
    const shape = convolutionShape(args, groups)
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.width,
      policy: 'factors',
    })
    const [data, weight] = blockedOperands(config, args, shape, false)
    return [blockedConvolution(data, weight, args, groups, (args[6] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) => defaultBlocks(convolutionShape(args, args[5] as number), target),
})

/** Arguments as for `conv2d_NCHWc.x86`; as many filters as channels. */
export const depthwiseConv2dNCHWc = registerTemplate({
  name: 'depthwise_conv2d_NCHWc.x86',
  compute(config, args) {
    const shape = convolutionShape(args)
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.width,
      policy: 'factors',
    })
    const [data, weight] = blockedOperands(config, args, shape, true)
    return [blockedDepthwise(data, weight, args, (args[7] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) =>
    defaultBlocks(convolutionShape(args), target, {
      depthwise: true,
      bytes: theTensor(args[0]).dtype === 'uint8',
    }),
})
