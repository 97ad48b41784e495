import { expect, test } from 'vitest'
import { type Resource, ResourceQueue } from '#lib/rpc/resource-queue.js'

const resource = (owner: string, matchKey: string): Resource<string> => ({
  owner,
  matchKey,
  host: 'h',
  port: 1,
})

function queue() {
  const granted: string[] = []
  const made = new ResourceQueue<string>()
  const ask = (owner: string, priority = 1, alive = true) =>
    made.request({
      owner,
      priority,
      grant: ({ matchKey }) => {
        if (alive) granted.push(`${owner} ${matchKey}`)
        return alive
      },
    })
  return { queue: made, granted, ask }
}

test('the highest priority is served first, equals in the order in which they came', () => {
  const { queue: made, granted, ask } = queue()
  ask('low', 0)
  ask('first')
  ask('second')
  ask('high', 5)
  for (const key of ['k1', 'k2', 'k3', 'k4']) made.put(resource('s', key))
  expect(granted).toEqual(['high k1', 'first k2', 'second k3', 'low k4'])
})

test('a resource goes on to the next one when who asked for it is gone', () => {
  const { queue: made, granted, ask } = queue()
  ask('gone', 9, false)
  ask('there')
  made.put(resource('s', 'k'))
  expect(granted).toEqual(['there k'])
  expect(made.counts).toEqual({ free: 0, pending: 0 })
})

test('what belongs to a connection ends with it', () => {
  const { queue: made, granted, ask } = queue()
  made.put(resource('a', 'a1'))
  made.put(resource('b', 'b1'))
  expect(made.matchKeysOf('a')).toEqual(['a1'])
  made.remove('a')
  ask('one')
  ask('two')
  made.remove('two')
  made.put(resource('b', 'b2'))
  expect(granted).toEqual(['one b1'])
  expect(made.counts).toEqual({ free: 1, pending: 0 })
})
