const SVG = 'http://www.w3.org/2000/svg'

/** An element with attributes and children; texts are texts, never markup. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value)
  }
  node.append(...children.filter((child) => child !== undefined && child !== null))
  return node
}

/**
 * A table in a part of the page that scrolls by itself, also by keyboard.
 *
 * @param columns - `{ title, value, number, kind }` each: `value` and `kind`, a class, of a row.
 */
export function table(label, columns, rows) {
  const head = columns.map(({ title, number }) =>
    element('th', { scope: 'col', class: number && 'number' }, title),
  )
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      ...columns.map(({ value, number, kind }) =>
        element(
          'td',
          { class: [number && 'number', kind?.(row)].filter(Boolean).join(' ') || undefined },
          value(row),
        ),
      ),
    ),
  )
  return element(
    'div',
    { class: 'wide', tabindex: '0', role: 'region', 'aria-label': label },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body)),
  )
}

/** Up to four digits; what JSON has no number for comes as text. */
export function digits(value) {
  if (value === undefined || value === null) return ''
  const number = Number(value)
  return Number.isFinite(number) ? String(Number(number.toPrecision(4))) : String(value)
}

export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3))
  return `${digits(count / 1000 ** power)} ${units[power]}`
}
