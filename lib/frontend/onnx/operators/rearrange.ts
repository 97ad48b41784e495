import { reshape, transpose } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import type { Value } from '../value.js'

function image(node: OnnxNode, x: Value): [number, number, number, number, number] {
  const block = node.attrs.int('blocksize')
  const [n, c, h, w] = x.shape
  if (x.rank !== 4 || block < 1) return node.invalid(`shape [${x.shape}] and block size ${block} do not fit`)
  return [n as number, c as number, h as number, w as number, block]
}

operator('DepthToSpace', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const [n, c, h, w, block] = image(node, x)
    const depth = c / block ** 2
    if (!Number.isInteger(depth)) node.invalid(`${c} channels do not divide by ${block ** 2}`)
    const columnsFirst = node.attrs.string('mode', 'DCR') === 'CRD'
    const blocks = columnsFirst ? [n, depth, block, block, h, w] : [n, block, block, depth, h, w]
    const order = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
    return reshape(transpose(reshape(x, blocks), order), [n, depth, h * block, w * block])
  },
})

operator('SpaceToDepth', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const [n, c, h, w, block] = image(node, x)
    if (h % block !== 0 || w % block !== 0) node.invalid(`shape [${x.shape}] does not divide by ${block}`)
    const blocks = reshape(x, [n, c, h / block, block, w / block, block])
    return reshape(transpose(blocks, [0, 3, 5, 1, 2, 4]), [n, c * block ** 2, h / block, w / block])
  },
})
