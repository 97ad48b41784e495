import type { TaskHistory, TuneHistory } from './history.js'

const COLUMNS = 4
const PANEL = { width: 230, height: 130, gap: 22 } as const
const MARGIN = 24
const BARS = 96

/**
 * Draws a tuning as SVG: the network's latency before and after, and for each task its trials, the best so far, and the speed
 * of the default configuration.
 */
export function plotTuning(history: TuneHistory): string {
  const tasks = history.tasks.filter(({ gflops }) => gflops.length > 0)
  const rows = Math.ceil(tasks.length / COLUMNS)
  const width = 2 * MARGIN + COLUMNS * PANEL.width + (COLUMNS - 1) * PANEL.gap
  const height = 2 * MARGIN + BARS + rows * (PANEL.height + PANEL.gap)
  const panels = tasks.map((task, i) => {
    const x = MARGIN + (i % COLUMNS) * (PANEL.width + PANEL.gap)
    const y = MARGIN + BARS + Math.floor(i / COLUMNS) * (PANEL.height + PANEL.gap)
    return `<g transform="translate(${x} ${y})">${panel(task)}</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<g transform="translate(${MARGIN} ${MARGIN})">${bars(history, width - 2 * MARGIN)}</g>`,
    ...panels,
    '</svg>\n',
  ].join('\n')
}

function bars({ network }: TuneHistory, width: number): string {
  const [first, after] = [
    network.find(({ when }) => when === 'before'),
    network.find(({ when }) => when === 'after'),
  ]
  // Measured once more in turns with the tuned ones, where there were any: only then can the two be compared.
  const inTurns = network.find(({ when, label }) => when === 'candidate' && label === first?.label)
  const before = first && { ...first, latencyMs: (inTurns ?? first).latencyMs }
  const shown = [before, after].filter((each) => each !== undefined)
  const most = Math.max(...shown.map(({ latencyMs }) => latencyMs), Number.MIN_VALUE)
  const rows = shown.map(({ when, label, latencyMs }, i) => {
    const y = 18 + i * 26
    const length = ((width - 330) * latencyMs) / most
    const color = when === 'before' ? '#b8b8b8' : '#2b7bba'
    return (
      `<text x="0" y="${y + 12}">${when}</text>` +
      `<rect x="50" y="${y}" width="${length.toFixed(1)}" height="17" fill="${color}"/>` +
      `<text x="${(58 + length).toFixed(1)}" y="${y + 12}">${latencyMs.toPrecision(4)} ms (${escaped(label)})</text>`
    )
  })
  return `<text x="0" y="8" font-size="12" font-weight="bold">latency of the network</text>${rows.join('')}`
}

function panel({ info, gflops, defaultGflops, bestGflops }: TaskHistory): string {
  const { width, height } = PANEL
  const [top, base] = [26, height - 14]
  const most = Math.max(bestGflops, defaultGflops, Number.MIN_VALUE)
  const x = (i: number) => (gflops.length > 1 ? (i * width) / (gflops.length - 1) : 0).toFixed(1)
  const y = (value: number) => (base - ((base - top) * value) / most).toFixed(1)
  let best = 0
  const steps = gflops.map((value, i) => {
    best = Math.max(best, value)
    return `${i === 0 ? 'M' : 'L'}${x(i)} ${y(best)}`
  })
  const dots = gflops.map((value, i) => `<circle cx="${x(i)}" cy="${y(value)}" r="1.4"/>`)
  const [name, ...rest] = info.description.split(' ')
  const line = defaultGflops > 0 ? y(defaultGflops) : undefined
  return [
    `<title>${escaped(info.description)}</title>`,
    `<text y="8" font-weight="bold">${escaped(name ?? '')} &#215;${info.weight}</text>`,
    `<text y="20" fill="#666">${escaped(rest.slice(0, 2).join(' '))}</text>`,
    `<path d="M0 ${base}H${width}" stroke="#ccc"/>`,
    line ? `<path d="M0 ${line}H${width}" stroke="#b8b8b8" stroke-dasharray="4 3"/>` : '',
    `<g fill="#2b7bba" opacity="0.35">${dots.join('')}</g>`,
    `<path d="${steps.join('')}" fill="none" stroke="#2b7bba" stroke-width="1.5"/>`,
    `<text x="${width}" y="${height - 2}" text-anchor="end">${bestGflops.toPrecision(3)} GFLOPS, ${gflops.length} trials</text>`,
  ].join('')
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
