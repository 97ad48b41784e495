import type { Browser } from 'puppeteer-core'
import { afterAll } from 'vitest'
import { launchBrowser } from '../../scripts/steps/browser.mjs'

export { chromium } from '../../scripts/steps/browser.mjs'

/** A headless browser, closed at the end of the test file. */
export async function openBrowser(): Promise<Browser> {
  const browser = await launchBrowser()
  afterAll(() => browser.close())
  return browser
}
