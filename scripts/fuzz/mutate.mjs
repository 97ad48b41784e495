// Changes inputs at random, the same for the same seed.
import { generator } from '../../examples/training/data.mjs'

/** Words that parsers stumble over. */
const words = [
  '../../../../etc/passwd',
  '/etc/passwd',
  '..',
  '~',
  '',
  '\u0000',
  '__proto__',
  'constructor',
  'toString',
  '-1',
  '1e999',
  'NaN',
  '9007199254740993',
  '${',
  '{{ x }}',
  '&a [*a,*a]',
  '*a',
  '!!js/function',
  '<<',
  '- ',
  '"',
  '\\',
  '%s',
  'é\u{1f4a9}',
  'a'.repeat(300),
  '[[[[[[[[',
  '{{{{{{{{',
  '--',
  '=',
]
const values = [
  null,
  true,
  0,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e308,
  '',
  'x',
  '../../x',
  '__proto__',
  [],
  {},
  [[]],
  [null],
  { x: 1 },
]

export class Mutator {
  constructor(seed) {
    this.random = generator(seed)
  }
  below(end) {
    return Math.floor(this.random() * end)
  }
  pick(list) {
    return list[this.below(list.length)]
  }
  chance(probability) {
    return this.random() < probability
  }
  word() {
    return this.pick(words)
  }

  /** Bytes with some changed, cut out, doubled or put in. */
  bytes(given) {
    let bytes = Buffer.from(given)
    for (let edits = 1 + this.below(4); edits > 0 && bytes.length > 0; edits--) {
      const at = this.below(bytes.length)
      const end = Math.min(bytes.length, at + this.below(24))
      switch (this.below(6)) {
        case 0:
          bytes[at] ^= 1 << this.below(8)
          break
        case 1:
          bytes[at] = this.pick([0, 1, 0x7f, 0x80, 0xff, 0x20, 0x30])
          break
        case 2:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
          break
        case 3:
          bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
          break
        case 4:
          bytes = this.chance(0.2) ? bytes.subarray(0, at) : bytes
          break
        default:
          bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(this.word()), bytes.subarray(at)])
      }
    }
    return bytes
  }

  text(given) {
    return this.bytes(Buffer.from(given)).toString('utf8')
  }

  /** A copy of plain data with some values exchanged, taken out, doubled, or under another key. */
  tree(given) {
    const root = { value: structuredClone(given) }
    for (let edits = 1 + this.below(3); edits > 0; edits--) {
      const places = this.#places(root)
      const [holder, key] = this.pick(places)
      switch (this.below(5)) {
        case 0:
          if (Array.isArray(holder)) holder.splice(Number(key), 1)
          else delete holder[key]
          break
        case 1:
          holder[key] = structuredClone(this.pick(values))
          break
        case 2:
          holder[key] = structuredClone(this.pick(places.map(([other, name]) => other[name])))
          break
        case 3:
          if (Array.isArray(holder)) holder.push(structuredClone(holder[key]))
          else
            Object.defineProperty(holder, this.word(), {
              value: holder[key],
              enumerable: true,
              configurable: true,
              writable: true,
            })
          break
        default:
          if (typeof holder[key] === 'string') holder[key] = this.text(holder[key])
          else if (typeof holder[key] === 'number')
            holder[key] = this.pick([-holder[key], holder[key] * 1e6, 0.5, 1e308])
      }
      if (!('value' in root)) root.value = null
    }
    return root.value
  }

  /** Every holder of a value, with its key there; never too many. */
  #places(root) {
    const found = []
    const visit = (holder, depth) => {
      for (const key of Object.keys(holder)) {
        found.push([holder, key])
        const value = holder[key]
        if (value && typeof value === 'object' && depth < 8 && found.length < 400) visit(value, depth + 1)
      }
    }
    visit(root, 0)
    return found
  }
}
