import { TvmNodeError } from '../errors.js'

/** Values of variables; they may hold templates themselves. */
export type Variables = Readonly<Record<string, string>>

/** Keys whose values are taken as they are written. */
const literal = new Set(['reset', 'extensions', 'version'])

/**
 * Replaces `${name}` by the variable's value wherever a text of a tree has it, and takes the spaces around texts away. Names that are
 * none of a variable stay.
 *
 * @throws `ERR_CONFIG` for variables that need themselves, with the path of the text
 */
export function expandTemplates<Tree>(tree: Tree, variables: Variables): Tree {
  return expandTree(tree, variables, []) as Tree
}

function expandTree(tree: unknown, variables: Variables, path: readonly string[]): unknown {
  if (typeof tree === 'string') return expandText(tree.trim(), variables, path, [])
  if (Array.isArray(tree)) return tree.map((each, i) => expandTree(each, variables, [...path, String(i)]))
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      return [key, literal.has(key) ? value : expandTree(value, variables, [...path, key])]
    }),
  )
}

function expandText(
  text: string,
  variables: Variables,
  path: readonly string[],
  within: readonly string[],
): string {
  return text.replace(/\$\{(\w+)\}/g, (template, name: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined
    if (value === undefined) return template
    if (!within.includes(name)) return expandText(value, variables, path, [...within, name])
    const cycle = [...within.slice(within.indexOf(name)), name].map((each) => `\${${each}}`).join(' -> ')
    const at = path.join('.')
    throw new TvmNodeError('ERR_CONFIG', `${at}: a template needs itself: ${cycle}`, {
      details: { path: at, cycle },
    })
  })
}
