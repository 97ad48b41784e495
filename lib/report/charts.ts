import type { TopLevelSpec } from 'vega-lite'
import { TvmNodeError } from '../errors.js'
import type { Compilation, MemoryUse, OperatorTimes, Training, Tuning } from './collect.js'

const WIDTH = 640
const OPERATORS_SHOWN = 30
const PASSES_SHOWN = 20
/** Pixels; names of operators differ at their ends. */
const LABEL_WIDTH = 420
/** Points of a curve beyond which steps that change nothing visible are left out. */
const POINTS_SHOWN = 200
const COLORS = { now: '#2b7bba', before: '#9aa5b1', failed: '#c0392b' } as const

/** Lines and words take the page's own colour, so that pictures fit a dark page too. */
const config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    domainColor: 'currentColor',
    tickColor: 'currentColor',
    gridOpacity: 0.25,
    labelLimit: 260,
  },
  legend: { labelColor: 'currentColor', titleColor: 'currentColor' },
  header: { labelColor: 'currentColor', titleColor: 'currentColor', labelLimit: 300 },
  title: { color: 'currentColor' },
} as const

/** A specification of Vega-Lite, which says itself what it cannot read. */
export type Picture = Readonly<Record<string, unknown>>

/** A picture as SVG. @throws `ERR_NOT_AVAILABLE` without the packages that draw */
export async function draw(spec: Picture): Promise<string> {
  const { vega, vegaLite } = await plotter()
  const { spec: compiled } = vegaLite.compile({ ...spec, config } as unknown as TopLevelSpec)
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

async function plotter() {
  try {
    return { vega: await import('vega'), vegaLite: await import('vega-lite') }
  } catch (cause) {
    throw new TvmNodeError(
      'ERR_NOT_AVAILABLE',
      "reports with pictures need the packages 'vega' and 'vega-lite' (npm install vega vega-lite); --text does without",
      { cause },
    )
  }
}

const measures = [
  { metric: 'mse', title: 'mean squared error', log: true },
  { metric: 'latency_us', title: 'latency (µs)', log: false },
  { metric: 'memory_bytes', title: 'memory (bytes)', log: false },
] as const

/** Error, latency and memory over the epochs of a training; epochs that failed are marked. */
export function trainingChart({ epochs }: Training): Picture {
  const stages = new Set(epochs.map(({ stage }) => stage))
  const failed = epochs.filter(({ status }) => status === 'failed')
  return {
    vconcat: measures.flatMap(({ metric, title, log }) => {
      const values = epochs.flatMap(({ epoch, stage, metrics }) => {
        const value = metrics[metric]
        return value === undefined || !Number.isFinite(value) ? [] : [{ epoch, stage, value }]
      })
      if (values.length === 0 && failed.length === 0) return []
      const isLog = log && values.length > 0 && values.every(({ value }) => value > 0)
      return [
        {
          width: WIDTH,
          height: 140,
          layer: [
            {
              data: { values },
              mark: { type: 'line', point: true, tooltip: true },
              encoding: {
                x: { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1 } },
                y: {
                  field: 'value',
                  type: 'quantitative',
                  title,
                  scale: isLog ? { type: 'log' } : { zero: true },
                },
                color: {
                  field: 'stage',
                  type: 'nominal',
                  title: null,
                  ...(stages.size > 1 ? {} : { legend: null }),
                  scale: { range: [COLORS.now, '#d98c21'] },
                },
              },
            },
            {
              data: { values: failed.map(({ epoch }) => ({ epoch })) },
              mark: { type: 'rule', color: COLORS.failed, strokeWidth: 2, strokeDash: [4, 3] },
              encoding: { x: { field: 'epoch', type: 'quantitative' } },
            },
          ],
        },
      ]
    }),
    resolve: { scale: { x: 'shared' } },
  }
}

/** What each operator takes, and what it took before where that is known; those that take longest. */
export function operatorChart({ operators }: OperatorTimes): Picture {
  const shown = operators.slice(0, OPERATORS_SHOWN)
  const names = shown.map(({ name }) => name)
  const values = shown.flatMap(({ name, us, beforeUs }) => [
    { name, us, when: 'now' },
    ...(beforeUs === undefined ? [] : [{ name, us: beforeUs, when: 'before' }]),
  ])
  return {
    width: WIDTH - 220,
    data: { values },
    mark: { type: 'bar', tooltip: true },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: names, title: null, axis: { labelLimit: LABEL_WIDTH } },
      yOffset: { field: 'when', sort: ['now', 'before'] },
      x: { field: 'us', type: 'quantitative', title: 'microseconds' },
      color: {
        field: 'when',
        type: 'nominal',
        title: null,
        scale: { domain: ['now', 'before'], range: [COLORS.now, COLORS.before] },
      },
    },
  }
}

/** The best speed so far over the trials of each task, with that of the default. */
export function tuningChart({ tasks }: Tuning): Picture {
  const measured = tasks.filter(({ gflops }) => gflops.length > 0)
  const curves = measured.flatMap(({ gflops, info }) =>
    bestSoFar(gflops).map(({ trial, best }) => ({ task: nameOf(info), trial, best })),
  )
  const defaults = measured.flatMap(({ info, defaultGflops }) =>
    defaultGflops > 0 ? [{ task: nameOf(info), gflops: defaultGflops }] : [],
  )
  const names = measured.map(({ info }) => nameOf(info))
  return {
    data: { values: [...curves, ...defaults] },
    facet: { field: 'task', type: 'nominal', title: null, sort: names, header: { labelFontSize: 9 } },
    columns: 3,
    spec: {
      width: 200,
      height: 90,
      layer: [
        {
          mark: { type: 'line', interpolate: 'step-after', color: COLORS.now },
          encoding: {
            x: { field: 'trial', type: 'quantitative', title: null },
            y: { field: 'best', type: 'quantitative', title: 'GFLOPS' },
          },
        },
        {
          mark: { type: 'rule', color: COLORS.before, strokeDash: [4, 3] },
          encoding: { y: { field: 'gflops', type: 'quantitative' } },
        },
      ],
    },
    resolve: { scale: { x: 'independent', y: 'independent' } },
  }
}

/** The latency of the whole network before and after. */
export function gainChart({ network }: Tuning): Picture {
  const values = network
    .filter(({ when }) => when !== 'candidate')
    .map(({ when, latencyMs }) => ({ when, latencyMs }))
  return {
    width: WIDTH - 220,
    data: { values },
    mark: { type: 'bar', tooltip: true },
    encoding: {
      y: { field: 'when', type: 'nominal', sort: ['before', 'after'], title: null },
      x: { field: 'latencyMs', type: 'quantitative', title: 'latency of the network (ms)' },
      color: {
        field: 'when',
        legend: null,
        scale: { domain: ['before', 'after'], range: [COLORS.before, COLORS.now] },
      },
    },
  }
}

function nameOf({ description, weight }: Tuning['tasks'][number]['info']): string {
  return `${description.slice(0, 60)}${weight > 1 ? ` ×${weight}` : ''}`
}

/** The corners of the curve, and its last point. */
function bestSoFar(gflops: readonly number[]): { trial: number; best: number }[] {
  let best = 0
  const corners = gflops.flatMap((value, i) => {
    if (value <= best && i > 0 && i < gflops.length - 1) return []
    best = Math.max(best, value)
    return [{ trial: i + 1, best }]
  })
  const step = Math.ceil(corners.length / POINTS_SHOWN)
  return corners.filter((_, i) => i % step === 0 || i === corners.length - 1)
}

/** Bytes over the calls of a network; where nothing changes there is no point. */
export function memoryChart({ steps }: MemoryUse): Picture {
  const every = Math.ceil(steps.length / POINTS_SHOWN)
  // The largest of each stretch, so that no peak is lost.
  const values = Array.from({ length: Math.ceil(steps.length / every) }, (_, i) => ({
    call: i * every,
    bytes: Math.max(...steps.slice(i * every, (i + 1) * every).map(({ liveBytes }) => liveBytes)),
  }))
  return {
    width: WIDTH,
    height: 140,
    data: { values },
    mark: { type: 'area', interpolate: 'step-after', color: COLORS.now, opacity: 0.7 },
    encoding: {
      x: { field: 'call', type: 'quantitative', title: 'call' },
      y: { field: 'bytes', type: 'quantitative', title: 'bytes', axis: { format: '~s' } },
    },
  }
}

/** What the passes of a compilation take by themselves. */
export function passChart({ passes }: Compilation): Picture {
  const values = passes.slice(0, PASSES_SHOWN).map(({ name, kind, selfUs, runs }) => ({
    name: `${kind} ${name}${runs > 1 ? ` ×${runs}` : ''}`,
    ms: selfUs / 1000,
  }))
  return {
    width: WIDTH - 260,
    data: { values },
    mark: { type: 'bar', color: COLORS.now },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: null, title: null },
      x: { field: 'ms', type: 'quantitative', title: 'milliseconds' },
    },
  }
}
