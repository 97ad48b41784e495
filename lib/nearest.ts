/** The valid name closest to a mistyped one, or undefined when none is near (more than half of the letters differ). */
export function nearest(value: string, valid: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.ceil(value.length / 2)) + 1
  for (const candidate of valid) {
    const distance = editDistance(value.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** Levenshtein's distance: insertions, deletions and replacements between two words. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
