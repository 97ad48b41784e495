import { readNpz } from '../npz.js'
import type { ArtifactMetadata, TensorInfo } from '../session/artifact.js'
import { type NamedTensors, OPEN } from '../session/inputs.js'
import { sampleInputs } from '../session/sample-inputs.js'
import type { Tensor } from '../tensor.js'

/** `data float32 [1, 3, 224, 224], ...` */
export function describeTensors(infos: readonly TensorInfo[]): string {
  return infos
    .map(
      ({ name, dtype, shape }) =>
        `${name} ${dtype} [${shape.map((dim) => (dim === OPEN ? '?' : dim)).join(', ')}]`,
    )
    .join('; ')
}

/** `data[0] = 1, ...` */
export function describeAssumed(assumed: ArtifactMetadata['assumed']): string {
  return assumed.map(({ input, axis, extent }) => `${input}[${axis}] = ${extent}`).join(', ')
}

/** The arrays of an `.npz` file, or sample inputs where there is none. */
export async function givenInputs(
  path: string | undefined,
  infos: readonly TensorInfo[],
): Promise<NamedTensors> {
  return path === undefined ? sampleInputs(infos) : readNpz(path)
}

/** Smallest, largest and mean element; undefined where elements are no numbers. */
export function range({ data, dtype }: Tensor): { min: number; max: number; mean: number } | undefined {
  if (Array.isArray(data) || data.length === 0 || /^(b?float(16|8)|u?int4|complex)/.test(dtype))
    return undefined
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const element of data) {
    const value = Number(element)
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
  }
  return { min, max, mean: sum / data.length }
}

export function formatNumber(value: number | undefined): string {
  return value === undefined ? '' : String(Number(value.toPrecision(6)))
}
