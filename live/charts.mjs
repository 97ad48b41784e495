import { digits, svg } from './dom.mjs'

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [460, 210, 62, 14, 18, 26]

/**
 * A line over epochs; broken ones are marked and named.
 *
 * @param points - `{ epoch, value, broken }`, oldest first; `value` may be undefined for what could not be measured.
 */
export function epochChart(points, { title, logarithmic = false }) {
  const scaled = (value) => (logarithmic ? Math.log10(value) : value)
  const known = points.filter(({ value }) => Number.isFinite(value) && (!logarithmic || value > 0))
  const chart = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: 'img',
    'aria-label': `${title} over ${points.length} epochs${brokenText(points)}`,
  })
  if (points.length === 0) {
    chart.append(
      svg('text', { x: WIDTH / 2, y: HEIGHT / 2, 'text-anchor': 'middle' }, 'nothing measured yet'),
    )
    return chart
  }
  const epochs = points.map(({ epoch }) => epoch)
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)]
  const values = known.map(({ value }) => scaled(value))
  const [low, high] = range(values)
  const x = (epoch) => LEFT + ((epoch - first) / Math.max(last - first, 1)) * (WIDTH - LEFT - RIGHT)
  const y = (value) => HEIGHT - BOTTOM - ((scaled(value) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM)
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low)
    const at = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    chart.append(
      svg('line', { class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }),
      svg(
        'text',
        { x: LEFT - 6, y: at + 4, 'text-anchor': 'end' },
        digits(logarithmic ? 10 ** value : value),
      ),
    )
  }
  for (const epoch of first === last ? [first] : [first, last]) {
    chart.append(svg('text', { x: x(epoch), y: HEIGHT - 8, 'text-anchor': 'middle' }, String(epoch)))
  }
  const path = known.map(({ epoch, value }) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`)
  chart.append(svg('polyline', { class: 'line', points: path.join(' ') }))
  for (const { epoch, value, broken } of points) {
    const measured = Number.isFinite(value) && (!logarithmic || value > 0)
    const at = { cx: x(epoch), cy: measured ? y(value) : HEIGHT - BOTTOM, r: broken ? 5 : 3 }
    if (measured || broken) chart.append(svg('circle', { ...at, class: broken ? 'broken' : 'point' }))
    if (broken) {
      const anchor = at.cx > WIDTH - 60 ? 'end' : at.cx < LEFT + 40 ? 'start' : 'middle'
      const above = at.cy > TOP + 14 ? at.cy - 9 : at.cy + 18
      chart.append(
        svg('text', { class: 'broken', x: at.cx, y: above, 'text-anchor': anchor }, `epoch ${epoch}`),
      )
    }
  }
  return chart
}

function range(values) {
  if (values.length === 0) return [0, 1]
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const room = (high - low || Math.abs(high) || 1) * 0.08
  return [low - room, high + room]
}

function brokenText(points) {
  const broken = points.filter((point) => point.broken).map(({ epoch }) => epoch)
  return broken.length > 0 ? `; broken in ${broken.join(', ')}` : ''
}

const SHOWN = 12
/** Letters of a name that have room beside its time, on a phone too. */
const NAME_LENGTH = 40
const ROW = 24

/** What each operator takes, the slowest first. */
export function operatorChart(profile) {
  const sorted = [...profile].sort((a, b) => b.durationUs - a.durationUs)
  const total = sorted.reduce((sum, { durationUs }) => sum + durationUs, 0)
  const shown = sorted.slice(0, SHOWN)
  const height = Math.max(1, shown.length) * ROW + 4
  const chart = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: 'img',
    'aria-label': shown
      .map(({ name, durationUs }) => `${name} ${digits(durationUs)} microseconds`)
      .join(', '),
  })
  for (const [i, { name, durationUs }] of shown.entries()) {
    const width = (durationUs / (shown[0].durationUs || 1)) * (WIDTH - 4)
    const share = total > 0 ? ` (${Math.round((100 * durationUs) / total)} %)` : ''
    chart.append(
      svg(
        'text',
        { class: 'name', x: 2, y: i * ROW + 12 },
        `${short(name, NAME_LENGTH)} ${digits(durationUs)} µs${share}`,
      ),
      svg('rect', {
        class: i === 0 ? 'bar most' : 'bar',
        x: 2,
        y: i * ROW + 16,
        width: Math.max(1, width),
        height: 5,
      }),
    )
  }
  return chart
}

/** What TVM cuts from long names and replaces by a sum says nothing; of the rest the ends say the most. */
export function short(name, most = 48) {
  const told = name.replace(/_[0-9a-f]{16}_$/, '…')
  return told.length > most ? `${told.slice(0, most / 2 - 1)}…${told.slice(-most / 2)}` : told
}
