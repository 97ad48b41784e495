// A bar chart of ratios as SVG: a group of bars for each network, a line at 1.

const [LABELS, WIDTH, BAR, GAP, TOP] = [210, 560, 11, 10, 72]
const COLOURS = ['#2f6db5', '#e0913a', '#5b9a5b']

/** @param series - `{ name, values }` with one ratio, or undefined, for each of `names`. */
export function barChart({ title, subtitle, names, series }) {
  const values = series.flatMap((each) => each.values).filter((value) => value !== undefined)
  const largest = Math.max(1.25, ...values) * 1.05
  const x = (value) => LABELS + (value / largest) * WIDTH
  const group = series.length * BAR + GAP
  const height = TOP + names.length * group + 30
  const bars = names.flatMap((name, i) => {
    const top = TOP + i * group
    const label = text(LABELS - 8, top + (series.length * BAR) / 2 + 4, name, 'end')
    return [label, ...series.map((each, k) => bar(x, top + k * BAR, each.values[i], COLOURS[k]))]
  })
  const step = largest > 6 ? 2 : largest > 3 ? 1 : 0.5
  const ticks = Array.from({ length: Math.floor(largest / step) + 1 }, (_, i) => i * step)
  const axis = ticks.flatMap((value) => [
    `<line x1="${x(value)}" x2="${x(value)}" y1="${TOP - 6}" y2="${height - 26}" stroke="#ddd"/>`,
    text(x(value), height - 10, String(value), 'middle'),
  ])
  const one = `<line x1="${x(1)}" x2="${x(1)}" y1="${TOP - 6}" y2="${height - 26}" stroke="#333" stroke-dasharray="4 3"/>`
  const legend = series.flatMap(({ name }, k) => [
    `<rect x="${LABELS + k * 170}" y="48" width="11" height="11" fill="${COLOURS[k]}"/>`,
    text(LABELS + k * 170 + 16, 58, name, 'start'),
  ])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LABELS + WIDTH + 60}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="12" y="20" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    text(12, 36, subtitle, 'start'),
    ...legend,
    ...axis,
    ...bars,
    one,
    '</svg>',
  ].join('\n')
}

function bar(x, top, value, colour) {
  if (value === undefined) return ''
  const width = (x(value) - x(0)).toFixed(1)
  return [
    `<rect x="${x(0)}" y="${top}" width="${width}" height="${BAR - 1}" fill="${colour}"/>`,
    `<text x="${x(value) + 4}" y="${top + 9}" font-size="9" fill="#555">${value.toFixed(2)}</text>`,
  ].join('')
}

function text(x, y, content, anchor) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`
}

function escaped(content) {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
