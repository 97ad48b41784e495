// Pictures made up as they are needed: bars at ten angles, at random places, in noise.
export const SIZE = 8
export const CLASSES = 10

/** Reproducible numbers in [0, 1) (Marsaglia's xorshift32, 2003). */
export function generator(seed) {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** `count` pictures [count, 1, SIZE, SIZE] and their classes. */
export function pictures(count, random) {
  const data = new Float32Array(count * SIZE * SIZE)
  const labels = Array.from({ length: count }, () => Math.floor(random() * CLASSES))
  for (const [n, label] of labels.entries()) {
    const angle = (Math.PI * label) / CLASSES
    const [cx, cy] = [SIZE / 2 - 0.5 + random() * 2 - 1, SIZE / 2 - 0.5 + random() * 2 - 1]
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const distance = Math.abs((x - cx) * Math.sin(angle) - (y - cy) * Math.cos(angle))
        const noise = 0.8 * (random() - 0.5)
        data[(n * SIZE + y) * SIZE + x] = Math.max(0, 1.2 - distance) + noise
      }
    }
  }
  return { data, labels, count }
}

/** A copy in which one pixel of one picture is far too bright. */
export function withHotPixel({ data, ...rest }) {
  const hot = data.slice()
  hot[0] = 100
  return { ...rest, data: hot }
}
