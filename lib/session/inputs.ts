import { TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'
import { isTensor, type Tensor, tensor } from '../tensor.js'
import type { ArtifactMetadata, TensorInfo } from './artifact.js'

/** Stands for an extent that may be any. */
export const OPEN = -1

/** Whether an extent may be any. */
export function isOpen({ shape }: { readonly shape: readonly number[] }): boolean {
  return shape.includes(OPEN)
}

/** Named tensors. */
export type NamedTensors = Readonly<Record<string, Tensor>>

/** What a shape that is not taken has to do with dimensions that the model left open when it was compiled. */
function assumption(name: string, { shape }: Tensor, assumed: ArtifactMetadata['assumed']): string {
  const found = assumed.find(({ input, axis, extent }) => input === name && shape[axis] !== extent)
  return found
    ? `; the model leaves dimension ${found.axis} open and it was taken as ${found.extent}: compile with shapes (--shape) for another, or with executor 'vm' (--executor vm) for any`
    : ''
}

/**
 * Checks what a run is given against what the network takes.
 *
 * @param assumed - Dimensions that the model leaves open and that were given an extent when it was compiled.
 * @throws `ERR_INPUT` naming the first input that is missing, unknown, or of the wrong shape or type.
 */
export function checkInputs(
  inputs: NamedTensors,
  expected: readonly TensorInfo[],
  assumed: ArtifactMetadata['assumed'] = [],
): void {
  const names = expected.map(({ name }) => name)
  if (typeof inputs !== 'object' || inputs === null) {
    throw new TvmNodeError(
      'ERR_INPUT',
      `expected named inputs (${names.join(', ')}), got ${inputs === null ? 'null' : typeof inputs}`,
    )
  }
  for (const name of Object.keys(inputs)) {
    if (names.includes(name)) continue
    const near = nearest(name, names)
    const hint = near ? `did you mean '${near}'?` : `it has ${names.join(', ')}`
    throw new TvmNodeError('ERR_INPUT', `the network has no input '${name}'; ${hint}`, {
      details: { name, nearest: near },
    })
  }
  for (const { name, shape, dtype } of expected) {
    const input = inputs[name]
    const details = { name, shape, dtype }
    if (!input)
      throw new TvmNodeError('ERR_INPUT', `input '${name}' (${dtype} of shape [${shape}]) is missing`, {
        details,
      })
    if (!isTensor(input)) {
      throw new TvmNodeError('ERR_INPUT', `input '${name}' must be a tensor { dtype, shape, data }`, {
        details,
      })
    }
    const sameShape =
      input.shape.length === shape.length && shape.every((dim, i) => dim === OPEN || dim === input.shape[i])
    if (input.dtype !== dtype || !sameShape) {
      throw new TvmNodeError(
        'ERR_INPUT',
        `input '${name}' must be ${dtype} of shape [${shape.map((dim) => (dim === OPEN ? '?' : dim))}], got ${input.dtype} of shape [${input.shape}]${assumption(name, input, assumed)}`,
        { details: { ...details, got: { dtype: input.dtype, shape: input.shape } } },
      )
    }
    checkData(name, input)
  }
}

function checkData(name: string, { data, shape, dtype }: Tensor): void {
  try {
    tensor(data, shape, dtype)
  } catch (cause) {
    throw new TvmNodeError('ERR_INPUT', `input '${name}' is no tensor: ${(cause as Error).message}`, {
      cause,
      details: { name },
    })
  }
}
