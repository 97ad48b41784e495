import type { Browser, Page } from 'puppeteer-core'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Service } from '#lib/service/service.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { chromium, openBrowser } from '../support/browser.js'
import { onnxModel } from '../support/onnx-writer.js'
import { ask, startService, wire } from '../support/service.js'

const model = onnxModel({
  opset: 17,
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
    { op: 'Softmax', inputs: ['h'], outputs: ['y'] },
  ],
  inputs: { x: { dtype: 'float32', shape: [1, 2] } },
  outputs: ['y'],
  initializers: { w: tensor(Float32Array.of(1, 0, 0, 1), [2, 2]) },
})
const x = tensor(Float32Array.of(1, 2, 4, 3), [2, 2])
/** What the network makes of `x`, and the other way round. */
const [a, b] = [1 / (1 + Math.E), Math.E / (1 + Math.E)]
const right = tensor(Float32Array.of(a, b, b, a), [2, 2])
const wrong = tensor(Float32Array.of(b, a, a, b), [2, 2])

// Debian's chromium is what it takes: apt-get install chromium.
describe.skipIf(!chromium)('the live page', () => {
  let service: Service
  let browser: Browser
  let page: Page
  let backend: string
  const faults: string[] = []

  beforeAll(async () => {
    service = await startService()
    browser = await openBrowser()
    const body = { name: 'speech <b>', board: 'local_cpu', val_frequency: 1, threads: 1 }
    backend = `/v1/backends/${(await ask(service, 'POST', '/v1/backends', { body })).json.id}`
    for (const outputs of [right, right, wrong, right]) await epoch(outputs)
  })
  beforeEach(async () => {
    page = await browser.newPage()
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    page.on('pageerror', (error) => faults.push(String(error)))
    await page.goto(service.url as string)
    await page.waitForSelector('article')
    return () => page.close()
  })

  async function epoch(outputs: Tensor): Promise<void> {
    await ask(service, 'POST', `${backend}/validation/start`, { body: model })
    await ask(service, 'POST', `${backend}/validation/batch?index=0`, {
      body: { inputs: wire({ x }), outputs: wire({ y: outputs }) },
    })
    await ask(service, 'POST', `${backend}/validation/end`)
  }
  const text = (selector: string) =>
    // biome-ignore lint/performance/useDomNodeTextContent: what people see is meant, not what is folded away.
    page.$eval(selector, (node) => (node as { innerText?: string }).innerText ?? '')

  test('says which epoch broke the deployed network, and which operator is slow', async () => {
    await expect
      .poll(() => text('#attention'))
      .toMatch(/validation epoch 2 broke the deployed network: .*0\.0 %/)
    expect(await text('#attention')).toMatch(/the operator \S+ takes \d+ % of the time/)
    // What needs a look leads to its network.
    const target = (await page.$eval('#attention a', (link) => link.getAttribute('href'))) as string
    expect(await page.$$eval(`article${target}`, (all) => all.length)).toBe(1)
    // Names are text, whatever is in them.
    expect(await text('article h3')).toBe('speech <b>')
    expect(await page.$$eval('circle.broken', (marks) => marks.length)).toBe(1)
    expect(await page.$eval('text.broken', (mark) => mark.textContent)).toBe('epoch 2')
    await expect.poll(() => text('#boards')).toContain('local_cpu')
    expect(page.url()).toBe(`${service.origin}/`)
    expect(faults).toEqual([])
  })

  test('shows what happens while it happens', async () => {
    await expect.poll(() => text('#connection')).toBe('live')
    await epoch(wrong)
    await expect.poll(() => text('#attention')).toContain('validation epoch 4 broke')
    const { json } = await ask(service, 'POST', '/v1/backends', {
      body: { board: 'local_cpu', name: 'second' },
    })
    await expect
      .poll(() => page.$$eval('h3', (all) => all.map(({ textContent }) => textContent)))
      .toEqual(['speech <b>', 'second'])
    service.events.publish(json.id, {
      type: 'progress',
      phase: 'tune',
      step: 'trial 3 of 12',
      fraction: 0.25,
    } as never)
    await expect.poll(() => text('article:nth-of-type(2) .now')).toContain('tune trial 3 of 12')
    expect(await page.$eval('progress', (bar) => (bar as { value?: number }).value)).toBe(0.25)
    await ask(service, 'DELETE', `/v1/backends/${json.id}`)
    await expect.poll(() => page.$$eval('article', (all) => all.length)).toBe(1)
    expect(faults).toEqual([])
  })

  test('is used by keyboard, and focus stays where it is while things change', async () => {
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = (
          globalThis as unknown as { document: { activeElement: { textContent: string } } }
        ).document
        return activeElement.textContent.trim().slice(0, 20)
      })
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to the networks')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowDown')
    expect(await page.$eval('article svg', (chart) => chart.getAttribute('aria-label'))).toContain(
      'same decision',
    )
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('All epochs')
    await page.keyboard.press('Enter')
    expect(await text('details')).toMatch(/validation\s+2\s+broke/)
    await epoch(right)
    await expect.poll(() => text('details')).toMatch(/validation\s+5\s+measured/)
    expect(await focused()).toBe('All epochs')
    expect(faults).toEqual([])
  })

  test.each(['light', 'dark'])('can be read in %s', async (scheme) => {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    const contrasts = await page.evaluate(contrastsOfTexts)
    expect(contrasts.length).toBeGreaterThan(20)
    // WCAG 2.2, 1.4.3.
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([])
    const { ground } = contrasts[0] as { ground: number }
    expect(ground > 0.5).toBe(scheme === 'light')
  })

  test("fits a phone's width", async () => {
    await page.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true })
    await page.$eval('details', (details) => details.setAttribute('open', ''))
    await expect.poll(() => text('#boards')).toContain('local_cpu')
    const widths = await page.evaluate(() => {
      const { document, innerWidth } = globalThis as unknown as {
        document: { documentElement: { scrollWidth: number } }
        innerWidth: number
      }
      return [document.documentElement.scrollWidth, innerWidth]
    })
    expect(widths).toEqual([360, 360])
  })

  test('says when the service is gone', async () => {
    await expect.poll(() => text('#connection')).toBe('live')
    await service.close()
    await expect.poll(() => text('#connection')).toContain('connection lost')
  })
})

/** Runs in the browser: each text's contrast with what is behind it, after WCAG 2.2, and how light that is. */
function contrastsOfTexts(): { text: string; ratio: number; ground: number }[] {
  // biome-ignore lint/suspicious/noExplicitAny: the browser's own objects, which these types know nothing of.
  const { document, getComputedStyle, NodeFilter } = globalThis as any
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
      const value = Number(part) / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const groundOf = (node: any): string => {
    const colour = getComputedStyle(node).backgroundColor
    return /, 0\)$/.test(colour) && node.parentElement ? groundOf(node.parentElement) : colour
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const found: { text: string; ratio: number; ground: number }[] = []
  while (walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode
    if (!textContent.trim() || !parentElement.checkVisibility() || parentElement.tagName === 'NOSCRIPT')
      continue
    const style = getComputedStyle(parentElement)
    const ground = luminance(groundOf(parentElement))
    const own = luminance(parentElement.namespaceURI.endsWith('svg') ? style.fill : style.color)
    const ratio = (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05)
    found.push({ text: textContent.trim().slice(0, 30), ratio, ground })
  }
  return found
}
