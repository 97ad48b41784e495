import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'
import { parseYaml, YamlFault } from './yaml.js'

/** A part of a configuration that is chosen by name, such as `backend/board`. */
export interface Group {
  /** Where its choice goes, levels parted by slashes. */
  readonly path: string
  /** The choices that need no file. */
  readonly names: () => readonly string[]
  /** What one of them stands for. */
  readonly load: (name: string) => unknown
}

export interface ComposeRequest {
  /** The main file's YAML. */
  readonly text: string
  /** What to call it in messages. */
  readonly name: string
  /** Where files of groups lie, as `GROUP/NAME.yaml`; null for nowhere. */
  readonly folder: string | null
  readonly groups: readonly Group[]
  readonly overrides: readonly string[]
}

export type Tree = Record<string, unknown>

/**
 * Puts a configuration together the way Hydra does (version 1.3, "The Defaults List" and "Override grammar"): choices of groups in
 * the order of `defaults`, the file's own keys over them, then overrides: `group=name`, `key.path=value`, `+key=value`, `~key`. Values are
 * YAML.
 *
 * @throws `ERR_CONFIG`
 */
export function composeConfig({ text, name, folder, groups, overrides }: ComposeRequest): Tree {
  const { defaults = [], ...own } = parseTree(text, name)
  const parsed = overrides.map((override) => parseOverride(override, groups))
  const choices = readDefaults(defaults, name, groups)
  for (const each of parsed) if (each.kind === 'choose') choices.set(each.group, each.option)
  // What lies inside of another group comes after it.
  const ordered = [...choices].sort(([a], [b]) => depth(a) - depth(b))
  let result: Tree = {}
  const chosenNull = new Set<string>()
  for (const [group, option] of ordered) {
    if (option === null) chosenNull.add(group.path)
    const value = option === null ? null : optionOf(group, option, folder)
    result = merge(result, place(group.path.split('/'), value))
  }
  const overridden = new Set(parsed.flatMap((each) => (each.kind === 'choose' ? [each.group.path] : [])))
  result = merge(result, withoutChosen(own, overridden))
  for (const path of chosenNull)
    if (overridden.has(path)) result = merge(result, place(path.split('/'), null))
  for (const each of parsed) {
    if (each.kind === 'set') {
      expandChoices(result, each.path, groups, folder)
      set(result, each.path, each.value)
    } else if (each.kind === 'remove') remove(result, each.path)
  }
  return result
}

/** The file's own value of a group gives way where an override chooses. */
function withoutChosen(own: Tree, overridden: ReadonlySet<string>): Tree {
  const result = structuredClone(own)
  for (const path of overridden) {
    const keys = path.split('/')
    if (keys.length > 1) remove(result, keys)
    else if (!isTree(result[path])) delete result[path]
  }
  return result
}

type Override =
  | { readonly kind: 'choose'; readonly group: Group; readonly option: string | null }
  | { readonly kind: 'set'; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: 'remove'; readonly path: readonly string[] }

function parseOverride(text: string, groups: readonly Group[]): Override {
  const removed = /^~([\w./]+)$/.exec(text)?.[1]
  if (removed) {
    checkKeys(removed, text)
    return { kind: 'remove', path: removed.split(/[./]/) }
  }
  const found = /^\+{0,2}([\w./]+)=(.*)$/s.exec(text)
  if (!found) {
    throw new TvmNodeError(
      'ERR_CONFIG',
      `'${text}' is no override; it must be key=value, group=name or ~key`,
      {
        details: { override: text },
      },
    )
  }
  const [, key = '', written = ''] = found
  checkKeys(key, text)
  const value = parseValue(written, text)
  const group = groups.find(({ path }) => path === key)
  if (group && (value === null || typeof value === 'string')) return { kind: 'choose', group, option: value }
  if (key.includes('/')) throw unknownGroup(key, groups)
  return { kind: 'set', path: key.split('.'), value }
}

/** Every object of JavaScript has this key. */
function checkKeys(path: string, override: string): void {
  if (path.split(/[./]/).includes('__proto__'))
    throw new TvmNodeError('ERR_CONFIG', `override '${override}': no key may be '__proto__'`)
}

function parseValue(written: string, override: string): unknown {
  return dataOf(written, `override '${override}'`) ?? null
}

function parseTree(text: string, name: string): Tree & { defaults?: unknown } {
  const tree = dataOf(text, name) ?? {}
  if (!isTree(tree)) throw new TvmNodeError('ERR_CONFIG', `${name}: must hold keys and values`)
  return tree
}

function dataOf(text: string, name: string): unknown {
  try {
    return parseYaml(text).data
  } catch (cause) {
    if (!(cause instanceof YamlFault)) throw cause
    throw new TvmNodeError('ERR_CONFIG', `${name}: ${cause.message.split('\n')[0]}`, { cause })
  }
}

function readDefaults(defaults: unknown, name: string, groups: readonly Group[]): Map<Group, string | null> {
  if (!Array.isArray(defaults)) throw new TvmNodeError('ERR_CONFIG', `${name}: 'defaults' must be a list`)
  const choices = new Map<Group, string | null>()
  for (const entry of defaults) {
    if (entry === '_self_') continue
    const [pair, ...more] = isTree(entry) ? Object.entries(entry) : []
    if (!pair || more.length > 0 || !(pair[1] === null || typeof pair[1] === 'string')) {
      throw new TvmNodeError('ERR_CONFIG', `${name}: an entry of 'defaults' must be 'group: name'`)
    }
    const path = pair[0].replace(/^(override|optional) /, '')
    const group = groups.find((each) => each.path === path)
    if (!group) throw unknownGroup(path, groups)
    choices.set(group, pair[1])
  }
  return choices
}

function optionOf(group: Group, option: string, folder: string | null): unknown {
  // Options may lie in folders of their group, and nowhere else.
  const within = !option.split(/[/\\]/).some((part) => part === '' || part === '..' || part.includes('\0'))
  for (const ending of folder !== null && within ? ['yaml', 'yml'] : []) {
    const path = join(folder as string, group.path, `${option}.${ending}`)
    if (existsSync(path)) return parseTree(readFileSync(path, 'utf8'), path)
  }
  const names = group.names()
  if (names.includes(option)) return group.load(option)
  const near = nearest(option, names)
  throw new TvmNodeError(
    'ERR_CONFIG',
    `group '${group.path}' has no option '${option}'; ${near ? `did you mean '${near}'?` : `it has ${names.join(', ')}`}`,
    { details: { group: group.path, option, nearest: near, names } },
  )
}

function unknownGroup(path: string, groups: readonly Group[]): TvmNodeError {
  const names = groups.map((group) => group.path)
  const near = nearest(path, names)
  return new TvmNodeError(
    'ERR_CONFIG',
    `there is no group '${path}'; ${near ? `did you mean '${near}'?` : `there are ${names.join(', ')}`}`,
    { details: { group: path, nearest: near } },
  )
}

function depth({ path }: Group): number {
  return path.split('/').length
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function place(path: readonly string[], value: unknown): Tree {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Tree
}

/** Keys of `over` win; trees on both sides are merged. */
export function merge(under: Tree, over: Tree): Tree {
  const result = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const before = result[key]
    result[key] = isTree(before) && isTree(value) ? merge(before, value) : value
  }
  return result
}

function set(tree: Tree, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) {
    tree[key] = value
    return
  }
  const inner = Object.hasOwn(tree, key) ? tree[key] : undefined
  const next = isTree(inner) ? { ...inner } : {}
  tree[key] = next
  set(next, rest, value)
}

/** A choice written as a name becomes what it stands for where a key within it is set. */
function expandChoices(
  tree: Tree,
  path: readonly string[],
  groups: readonly Group[],
  folder: string | null,
): void {
  for (const group of groups) {
    const keys = group.path.split('/')
    if (keys.length >= path.length || keys.some((key, i) => key !== path[i])) continue
    const value = keys.reduce<unknown>((inner, key) => (isTree(inner) ? inner[key] : undefined), tree)
    if (typeof value === 'string') set(tree, keys, optionOf(group, value, folder))
  }
}

function remove(tree: Tree, path: readonly string[]): void {
  const [key, ...rest] = path as [string, ...string[]]
  const inner = Object.hasOwn(tree, key) ? tree[key] : undefined
  if (rest.length === 0) delete tree[key]
  else if (isTree(inner)) remove(inner, rest)
}
