import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

/** Bytes of a picture at most, so that a clone stays small. */
const LARGEST_PICTURE = 150_000

const documents = [
  'README.md',
  'SECURITY.md',
  'bench/README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

/** What headings are called in links, as GitHub does it. */
function anchorsOf(path: string): Set<string> {
  const text = readFileSync(path, 'utf8').replace(/^```.*?^```$/gms, '')
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
  const named = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)
  const seen = new Map<string, number>()
  const numbered = headings.map((heading) => {
    const count = seen.get(heading) ?? 0
    seen.set(heading, count + 1)
    return count > 0 ? `${heading}-${count}` : heading
  })
  return new Set([...numbered, ...named])
}

test.each(documents)('%s links to what there is', (document) => {
  const text = readFileSync(document, 'utf8').replace(/^```.*?^```$/gms, '')
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^(https?:|mailto:)/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const file = path === '' ? document : join(dirname(document), path)
    try {
      const { size } = statSync(file)
      if (file.endsWith('.png') && size > LARGEST_PICTURE) return [`${link} is too large`]
      return anchor === undefined || anchorsOf(file).has(anchor) ? [] : [link]
    } catch {
      return [link]
    }
  })
  expect(broken).toEqual([])
})
