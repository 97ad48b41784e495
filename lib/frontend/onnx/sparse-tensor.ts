import { TvmNodeError } from '../../errors.js'
import { emptyTensor, type Tensor } from '../../tensor.js'
import { longToNumber, type SparseTensorProto } from './schema.js'
import { checkedShape, type ReadExternal, readTensor } from './tensor-proto.js'

/** The dense tensor of a sparse one: its indices are flat, or one row of coordinates an element. */
export function readSparseTensor(
  { values, indices, dims }: SparseTensorProto,
  readExternal: ReadExternal,
): Tensor {
  const fail = (why: string): never => {
    throw new TvmNodeError('ERR_INVALID_MODEL', `sparse tensor '${values?.name ?? ''}' ${why}`)
  }
  if (!values || !indices) return fail('lacks values or indices')
  const shape = checkedShape(dims.map(longToNumber), `sparse tensor '${values.name}'`)
  const elements = readTensor(values, readExternal)
  const places = readTensor(indices, readExternal)
  const result = emptyTensor(elements.dtype, shape)
  const width = places.shape.length === 2 ? (places.shape[1] as number) : 1
  if (places.data.length !== elements.data.length * width) return fail('has not as many indices as values')
  const to = result.data as unknown[]
  for (let i = 0; i < elements.data.length; i++) {
    const row = Array.from(places.data.slice(i * width, (i + 1) * width) as ArrayLike<bigint>, Number)
    const flat =
      places.shape.length === 2
        ? row.reduce((sum, at, axis) => sum * (shape[axis] as number) + at, 0)
        : (row[0] as number)
    if (!(flat >= 0 && flat < to.length)) return fail(`has an index outside of its shape [${shape}]`)
    to[flat] = elements.data[i]
  }
  return result
}
