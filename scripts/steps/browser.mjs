import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import puppeteer from 'puppeteer-core'

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

/** A headless browser. */
export function launchBrowser() {
  if (!chromium) throw new Error('no Chromium on PATH (Debian: apt-get install chromium)')
  // Containers seldom let it have namespaces of its own; it shows nothing but our own pages.
  return puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
