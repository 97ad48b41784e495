import { operator } from '../registry.js'

operator('If', {
  since: 1,
  required: 1,
  convert(node, [condition], context) {
    const known = condition.numbers?.[0]
    if (known === undefined) return node.unsupported('its condition is computed while the model runs')
    return context.importSubgraph(node.attrs.graph(known ? 'then_branch' : 'else_branch'), [])
  },
})
