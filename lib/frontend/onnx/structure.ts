import { createHash } from 'node:crypto'
import type { OnnxModel } from './model.js'
import { type AttributeProto, type GraphProto, message, type TensorProto } from './schema.js'
import { EXTERNAL, STRING } from './tensor-proto.js'

/**
 * A hash of all of a model but the values of its initializers: graph, types, shapes, attributes, functions. Values of any
 * other tensors count, text too. Undefined where such values lie in other files.
 */
export function structureHash({ proto, graph }: OnnxModel): string | undefined {
  if (hasExternalConstant(graph) || proto.functions.some(({ node }) => node.some(externalWithin)))
    return undefined
  const bare = {
    opsetImport: proto.opsetImport,
    functions: proto.functions,
    graph: { ...graph, initializer: graph.initializer.map(withoutValue) },
  }
  return createHash('sha256').update(message('ModelProto').encode(bare).finish()).digest('hex')
}

/** The messages themselves say whether fields are present, so that the value is left out by leaving out its field. */
function withoutValue(tensor: TensorProto): object {
  const { name, dims, dataType } = tensor
  return dataType === STRING ? tensor : { name, dims, dataType }
}

function hasExternalConstant(graph: GraphProto): boolean {
  return graph.node.some(externalWithin)
}

function externalWithin({ attribute }: { readonly attribute: readonly AttributeProto[] }): boolean {
  const isExternal = ({ dataLocation }: TensorProto) => dataLocation === EXTERNAL
  return attribute.some(({ t, tensors, g, graphs }) => {
    const inner = [...(g ? [g] : []), ...graphs]
    return (
      [...(t ? [t] : []), ...tensors].some(isExternal) ||
      inner.some((graph) => graph.initializer.some(isExternal) || hasExternalConstant(graph))
    )
  })
}
