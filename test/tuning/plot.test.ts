import { expect, test } from 'vitest'
import { TuneHistory } from '#lib/tuning/history.js'
import { plotTuning } from '#lib/tuning/plot.js'

test('the plot compares what was measured in turns', () => {
  const history = new TuneHistory()
  history.add({ type: 'network', when: 'before', label: 'untuned', latencyMs: 1.5 })
  expect(plotTuning(history)).toContain('1.500 ms (untuned)')
  // The machine was slower by then.
  history.add({ type: 'network', when: 'candidate', label: 'untuned', latencyMs: 2.5 })
  history.add({ type: 'network', when: 'candidate', label: 'tuned', latencyMs: 2 })
  history.add({ type: 'network', when: 'after', label: 'tuned', latencyMs: 2 })
  const plot = plotTuning(history)
  expect(plot).toContain('2.500 ms (untuned)')
  expect(plot).toContain('2.000 ms (tuned)')
  expect(plot).not.toContain('1.500 ms')
})
