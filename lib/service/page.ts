import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../../live/', import.meta.url)
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export interface PageFile {
  readonly type: string
  readonly content: Buffer
}

/** A file of the live page, which the browser asks for by this path; undefined for what is none. */
export async function pageFile(path: string): Promise<PageFile | undefined> {
  const name = path === '/' ? 'index.html' : path.slice(1)
  const type = types[extname(name)]
  // No folders, so that no path leads elsewhere.
  if (!type || !/^[\w-]+\.\w+$/.test(name)) return undefined
  const content = await readFile(fileURLToPath(new URL(name, FOLDER))).catch(() => undefined)
  return content && { type, content }
}

/** What pages may do: show what comes from here, and nothing else. */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
} as const
