import type { PlainConfig } from '../../schedule-config/config-entity.js'
import type { ConfigSpace } from '../../schedule-config/config-space.js'

/** Knobs that decide in which blocks of channels an operator reads and writes: neighbours that disagree need conversions. */
const KNOBS: readonly string[] = ['tile_ic', 'tile_oc']

/** Whether a configuration leaves the blocks of channels as another one has them. */
export function keepsLayout(config: PlainConfig, as: PlainConfig): boolean {
  const blocks = ({ entity }: PlainConfig) =>
    entity.filter(([name]) => KNOBS.includes(name)).map(([, , value]) => (value as number[]).at(-1))
  return String(blocks(config)) === String(blocks(as))
}

/** Numbers of the configurations in the layout of the given one, if that is in the space and there are at most `limit`. */
export function inLayoutOf(space: ConfigSpace, start: number, limit: number): number[] {
  if (start < 0) return []
  const names = [...space.knobs.keys()]
  const free = space.dims.map((length, knob) => (KNOBS.includes(names[knob] as string) ? 1 : length))
  const count = free.reduce((product, length) => product * length, 1)
  if (count > limit) return []
  const fixed = space.digits(start)
  return Array.from({ length: count }, (_, rest) => {
    let left = rest
    const digits = free.map((length, knob) => {
      if (length === 1) return fixed[knob] as number
      const digit = left % length
      left = Math.floor(left / length)
      return digit
    })
    return space.indexOf(digits)
  })
}
