import { TvmNodeError } from '../../errors.js'
import type { TensorInfo } from '../../session/artifact.js'
import type { Interface } from './lower.js'

/** Words that C, C++ or the generated code keep for themselves. */
const reserved = new Set(
  (
    'auto break case char class const continue default delete do double else enum extern float for goto if inline int long ' +
    'namespace new operator private public register restrict return short signed sizeof static struct switch template this ' +
    'typedef union unsigned using virtual void volatile while bool true false inputs outputs'
  ).split(' '),
)

/** Names like the given ones that C takes for members of a structure, each once. */
export function identifiers(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    const plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_')
    // Results are called `output0` and so on within the generated code.
    const free = reserved.has(plain) || /^output\d+$/.test(plain) ? `${plain}_` : plain
    let unique = free
    for (let i = 2; taken.has(unique.toUpperCase()); i++) unique = `${free}_${i}`
    // Macros of the header have them in capitals.
    taken.add(unique.toUpperCase())
    return unique
  })
}

/**
 * The interface with names for C.
 *
 * @throws `ERR_NO_IMPLEMENTATION` for elements of which several share a byte
 */
export function interfaceOf(
  name: string,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): Interface {
  const packed = [...inputs, ...outputs].find(({ dtype }) => /^u?int[124]$/.test(dtype))
  if (packed)
    throw new TvmNodeError(
      'ERR_NO_IMPLEMENTATION',
      `'${packed.name}' is of type ${packed.dtype}, which inputs and outputs in C cannot be; convert it to int8 within the model`,
      { details: { name: packed.name, dtype: packed.dtype } },
    )
  const names = identifiers([...inputs, ...outputs].map((tensor) => tensor.name))
  const rename = (tensors: readonly TensorInfo[], from: number) =>
    tensors.map((tensor, i) => ({ ...tensor, name: names[from + i] as string }))
  return { name, inputs: rename(inputs, 0), outputs: rename(outputs, inputs.length) }
}
