import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import type { NamedTensors } from '../session/inputs.js'
import { dtypes, type Tensor, tensor, tensorBytes, tensorFromBytes } from '../tensor.js'

const MOST_AXES = 64

export const tensorSchema = z
  .strictObject({
    dtype: z.enum(dtypes),
    shape: z.array(z.int().min(0)).max(MOST_AXES),
    data: z
      .union([z.string(), z.array(z.string())])
      .describe(
        'The elements in row-major order: base64 of their bytes, little endian; a list of texts for strings.',
      ),
  })
  .meta({ id: 'Tensor' })

export const namedTensorsSchema = z.record(z.string(), tensorSchema).meta({ id: 'NamedTensors' })

/** @throws `ERR_INPUT` */
export function tensorsFromWire(tensors: z.output<typeof namedTensorsSchema>): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, each]) => [name, fromWire(name, each)]))
}

function fromWire(name: string, { dtype, shape, data }: z.output<typeof tensorSchema>): Tensor {
  try {
    if (Array.isArray(data)) return tensor(data, shape, dtype)
    return tensorFromBytes(dtype, shape, Buffer.from(data, 'base64'))
  } catch (cause) {
    throw new TvmNodeError('ERR_INPUT', `tensor '${name}': ${(cause as Error).message}`, {
      cause,
      details: { name },
    })
  }
}

export function tensorsToWire(tensors: NamedTensors): z.input<typeof namedTensorsSchema> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, each]) => {
      const bytes = tensorBytes(each)
      const data = bytes
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
        : (each.data as string[])
      return [name, { dtype: each.dtype, shape: [...each.shape], data }]
    }),
  )
}

/** JSON has no infinity; it is written as text, as in the JSON form of Protocol Buffers, which most languages read as a number. */
export const numberSchema = z
  .union([z.number(), z.enum(['Infinity', '-Infinity', 'NaN'])])
  .meta({ id: 'Number', description: 'A number; those that JSON has not are texts.' })

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'number' && !Number.isFinite(each) ? String(each) : each,
  )
}
