/** The integers of a type that tensors are quantised to. */
export const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

/** Beyond every quantised number, and small enough for `ALIGN`. */
export const MAX_STEPS = 2 ** 20
/** Floats around this one have no bits left for a fraction: a sum with it is rounded, ties to even. */
export const ALIGN = 1.5 * 2 ** 23
/** `ALIGN` as bits. The bits of `ALIGN` + n, an integer, are this plus n. */
export const ALIGN_BITS = 0x4b400000
