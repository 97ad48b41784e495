import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const titles = [...readFileSync('CHANGELOG.md', 'utf8').matchAll(/^## (.+)$/gm)].map(([, title]) => title)

test('the changes of this version are told, the newest first', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(titles.filter((title) => title !== 'Unreleased')[0]).toBe(version)
  const numbers = titles
    .filter((title) => title !== 'Unreleased')
    .map((title) =>
      (title as string)
        .split('.')
        .map((part) => part.padStart(6, '0'))
        .join('.'),
    )
  expect(numbers).toEqual([...numbers].sort().reverse())
})
