import { epochChart, operatorChart, short } from './charts.mjs'
import { bytes, digits, element, table } from './dom.mjs'

/** What can be drawn over epochs: the metric's name without its stage. */
const drawn = [
  { name: 'sqnr_db', title: 'signal to noise (dB)' },
  { name: 'top1_agreement', title: 'same decision (share)' },
  { name: 'mse', title: 'mean squared error', logarithmic: true },
  { name: 'latency_us', title: 'latency (µs)' },
  { name: 'memory_bytes', title: 'memory (bytes)' },
]

/** One network on its board. Its parts are filled anew, so that focus and what is open stay. */
export class BackendView {
  constructor(id) {
    this.title = element('h3')
    this.facts = element('p', { class: 'facts' })
    this.now = element('p', { class: 'now', role: 'status' })
    this.metric = element(
      'select',
      {},
      ...drawn.map(({ name, title }) => element('option', { value: name }, title)),
    )
    this.metric.addEventListener('change', () => this.draw())
    this.epochs = element('figure')
    this.operators = element('figure')
    this.rows = element('div')
    this.node = element(
      'article',
      { id: anchor(id), tabindex: '-1' },
      this.title,
      this.facts,
      this.now,
      element(
        'div',
        { class: 'pair' },
        element(
          'div',
          {},
          element('h4', {}, 'Over the epochs'),
          element('label', {}, 'Show ', this.metric),
          this.epochs,
        ),
        element('div', {}, element('h4', {}, 'Operators, the slowest first'), this.operators),
      ),
      element('details', {}, element('summary', {}, 'All epochs'), this.rows),
    )
  }

  show(state) {
    this.state = state
    this.title.textContent = state.name
    this.facts.textContent = [
      state.network ?? 'no network yet',
      `on ${state.board.name}`,
      state.board.target,
      `tuner ${state.tuner}`,
      state.metrics ? `${digits(state.metrics.latency_us)} µs` : undefined,
      state.metrics?.memory_bytes ? bytes(state.metrics.memory_bytes) : undefined,
    ]
      .filter(Boolean)
      .join(' · ')
    this.activity(state)
    this.draw()
  }

  /** What it does now. */
  activity({ call, step, evaluating, waiting }) {
    const parts = [
      evaluating ? `${evaluating.stage} epoch ${evaluating.epoch}: ${evaluating.phase}` : undefined,
      call && call !== evaluating?.phase ? call : undefined,
      step ? [step.phase, step.step].filter(Boolean).join(' ') : undefined,
      waiting > 1 ? `${waiting} requests wait` : undefined,
    ].filter(Boolean)
    const text = parts.length > 0 ? parts.join(' · ') : 'idle'
    const bar = parts.length > 0 && element('progress', { max: 1, value: step?.fraction, 'aria-label': text })
    this.now.replaceChildren(...(bar ? [bar] : []), text)
  }

  draw() {
    const { epochs, broken, profile } = this.state
    const told = epochs.filter(({ status }) => status !== 'skipped')
    const isBroken = (each) => broken.some(({ stage, epoch }) => stage === each.stage && epoch === each.epoch)
    const chosen = drawn.find(({ name }) => name === this.metric.value)
    const points = told
      .filter(({ stage }) => stage === 'validation')
      .map((each) => ({
        epoch: each.epoch,
        value: Number(metricOf(each, chosen.name) ?? Number.NaN),
        broken: isBroken(each),
      }))
    this.epochs.replaceChildren(epochChart(points, chosen))
    this.operators.replaceChildren(operatorChart(profile))
    this.rows.replaceChildren(
      table(
        `Epochs of ${this.state.name}`,
        [
          { title: 'stage', value: ({ stage }) => stage },
          { title: 'epoch', value: ({ epoch }) => String(epoch), number: true },
          {
            title: 'result',
            value: (each) => (isBroken(each) ? `broke: ${why(broken, each)}` : each.status),
            kind: (each) => isBroken(each) && 'bad',
          },
          ...drawn.map(({ name, title }) => ({
            title,
            value: (each) => digits(metricOf(each, name)),
            number: true,
          })),
        ],
        told.toReversed(),
      ),
    )
  }
}

function why(broken, { stage, epoch }) {
  return broken.find((each) => each.stage === stage && each.epoch === epoch)?.why
}

function metricOf({ stage, metrics }, name) {
  return metrics?.[`${stage === 'test' ? 'test' : 'val'}_backend_${name}`]
}

/** Where the page has a network. */
export function anchor(id) {
  return `network-${id}`
}

/** Sentences about what broke and what is slow. */
export function findings({ id, name, broken, profile }) {
  const breaks = broken.map(({ stage, epoch, why }) => ({
    id,
    bad: true,
    lead: `${name}: ${stage} epoch ${epoch} broke the deployed network`,
    rest: `: ${why}`,
  }))
  const total = profile.reduce((sum, { durationUs }) => sum + durationUs, 0)
  const [slowest] = [...profile].sort((a, b) => b.durationUs - a.durationUs)
  if (!slowest || total === 0) return breaks
  const share = Math.round((100 * slowest.durationUs) / total)
  const rest = ` takes ${share} % of the time (${digits(slowest.durationUs)} of ${digits(total)} µs)`
  return [...breaks, { id, bad: false, lead: `${name}: the operator ${short(slowest.name)}`, rest }]
}
