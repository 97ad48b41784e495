import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import puppeteer, { type Browser } from 'puppeteer-core'
import { afterAll } from 'vitest'

/** Path of a Chromium on this machine, if there is one (Debian: chromium). */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** A headless browser, closed at the end of the test file. */
export async function openBrowser(): Promise<Browser> {
  const browser = await puppeteer.launch({
    executablePath: chromium as string,
    // Containers seldom let it have namespaces of its own; it shows nothing but our own pages.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  afterAll(() => browser.close())
  return browser
}
