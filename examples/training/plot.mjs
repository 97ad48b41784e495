// A line chart as SVG: steps along the x axis, values on a logarithmic y axis.
const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [640, 380, 72, 48, 112, 52]
const COLOURS = ['#1f6fb4', '#d1622b', '#3b8f4c', '#8455a8']

/**
 * @param series - `[{ name, points: [[x, y], ...] }]`; values of 0 and below have no place on the axis and are left out.
 */
export function lineChart({ title, x: xLabel, y: yLabel, series }) {
  const shown = series.map(({ name, points }) => ({
    name,
    points: points.filter(([, y]) => y > 0 && Number.isFinite(y)),
  }))
  const all = shown.flatMap(({ points }) => points)
  const [first, last] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))]
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...all.map(([, y]) => y)))),
    Math.ceil(Math.log10(Math.max(...all.map(([, y]) => y))) + 1e-9),
  ]
  const place = ([x, y]) => [
    LEFT + ((x - first) / Math.max(last - first, 1)) * (WIDTH - LEFT - RIGHT),
    HEIGHT - BOTTOM - ((Math.log10(y) - low) / Math.max(high - low, 1)) * (HEIGHT - TOP - BOTTOM),
  ]
  const every = Math.ceil((high - low) / 8)
  const decades = Array.from({ length: high - low + 1 }, (_, i) => low + i).filter(
    (e) => (e - low) % every === 0,
  )
  const horizontal = decades.map((exponent) => {
    const [, y] = place([first, 10 ** exponent])
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#e3e3e3"/>
<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">10<tspan dy="-5" font-size="9">${exponent}</tspan></text>`
  })
  const ticks = [...new Set(all.map(([x]) => x))].sort((a, b) => a - b)
  const step = Math.ceil(ticks.length / 12)
  const vertical = ticks
    .filter((_, i) => i % step === 0)
    .map(
      (tick) =>
        `<text x="${place([tick, 1])[0]}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tick}</text>`,
    )
  const lines = shown.map(({ name, points }, i) => {
    const places = points.map(place).map(([x, y]) => [x.toFixed(1), y.toFixed(1)])
    const [x, y] = places.at(-1) ?? [0, 0]
    const colour = COLOURS[i % COLOURS.length]
    const dots = places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`)
    return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}
<text x="${Number(x) + 10}" y="${Number(y) + 4}" fill="${colour}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="100%" height="100%" fill="white"/>
<text x="${LEFT}" y="26" font-size="15">${title}</text>
${[...horizontal, ...vertical].join('\n')}
<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}" stroke="#888"/>
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${xLabel}</text>
<text transform="translate(20 ${(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text>
${lines.join('\n')}
</svg>
`
}
