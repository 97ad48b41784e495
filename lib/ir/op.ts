import { getGlobalFunc, registerObjectType, TvmObject } from '../runtime/index.js'

/** An operator of the library's registry, for example `nn.conv2d`. */
export class Op extends TvmObject {
  get name(): string {
    return this.get('name') as string
  }
}
registerObjectType('Op', Op)

const ops = new Map<string, Op>()
/** Filled as operators are asked for; for those listed here the registry names none, or those of another operator. */
const attrsKeys = new Map<string, string>([
  ['nn.contrib_dense_pack', 'relay.attrs.DensePackAttrs'],
  ['cumsum', 'relay.attrs.ScanopAttrs'],
  ['cumprod', 'relay.attrs.ScanopAttrs'],
  ['scatter_elements', 'relay.attrs.ScatterElementsAttrs'],
  ['scatter_nd', 'relay.attrs.ScatterNDAttrs'],
])

/** The registered operator of that name; throws `ERR_TVM` when there is none. */
export function getOp(name: string): Op {
  let op = ops.get(name)
  if (!op) {
    op = getGlobalFunc('ir.GetOp')(name) as Op
    ops.set(name, op)
  }
  return op
}

/** The type key of the operator's attributes, or `''` when it takes none. */
export function attrsTypeKey(name: string): string {
  let key = attrsKeys.get(name)
  if (key === undefined) {
    key = getOp(name).get('attrs_type_key') as string
    attrsKeys.set(name, key)
  }
  return key
}
