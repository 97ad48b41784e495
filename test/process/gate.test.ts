import { expect, test } from 'vitest'
import { Gate } from '#lib/process/gate.js'

/** Work that ends when it is told, with how much goes on. */
function workshop(gate: Gate) {
  const ends: (() => void)[] = []
  const work = (signal?: AbortSignal) => gate.run(() => new Promise<void>((end) => ends.push(end)), signal)
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { ends, work, settle }
}

test('so many go on at once, the others in the order in which they came', async () => {
  const { ends, work, settle } = workshop(new Gate(2))
  const all = [work(), work(), work(), work()]
  await settle()
  expect(ends).toHaveLength(2)
  ends[0]?.()
  await settle()
  expect(ends).toHaveLength(3)
  ends[1]?.()
  await settle()
  expect(ends).toHaveLength(4)
  for (const end of ends) end()
  await Promise.all(all)
})

test('who stops waiting takes no place, and leaves nothing at the signal', async () => {
  const gate = new Gate(1)
  const { ends, work, settle } = workshop(gate)
  const controller = new AbortController()
  const first = work()
  const second = work(controller.signal)
  const third = work()
  await settle()
  controller.abort(new Error('changed my mind'))
  await expect(second).rejects.toThrow('changed my mind')
  ends[0]?.()
  await first
  await settle()
  expect(ends).toHaveLength(2)
  ends[1]?.()
  await third
  await gate.run(async () => {})
  await expect(gate.run(async () => {}, controller.signal)).rejects.toThrow('changed my mind')
  await gate.run(async () => {})
})

test('a place that is given in the moment of the abort is not lost', async () => {
  const gate = new Gate(1)
  const { ends, work, settle } = workshop(gate)
  const controller = new AbortController()
  const first = work()
  const second = work(controller.signal).catch(() => undefined)
  await settle()
  ends[0]?.()
  queueMicrotask(() => controller.abort())
  await first
  await settle()
  for (const end of ends) end()
  await second
  await gate.run(async () => {})
})

test('a gate that is widened lets in those who wait', async () => {
  const gate = new Gate(1)
  const { ends, work, settle } = workshop(gate)
  const all = [work(), work(), work()]
  await settle()
  gate.widen(3)
  await settle()
  expect(ends).toHaveLength(3)
  for (const end of ends) end()
  await Promise.all(all)
})
