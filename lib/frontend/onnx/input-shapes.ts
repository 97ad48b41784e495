import { TvmNodeError } from '../../errors.js'
import { UNKNOWN_DIM } from '../../ir/type.js'
import { isNarrow } from '../../narrow.js'
import { nearest } from '../../nearest.js'
import type { DType, Tensor } from '../../tensor.js'
import { type DimensionProto, longToNumber, present, type ValueInfoProto } from './schema.js'
import { checkedShape, elementType } from './tensor-proto.js'
import { computable } from './value.js'

/** Extents by input name; `-1` leaves a dimension to the model. */
export type InputShapes = Readonly<Record<string, readonly number[]>>

export interface InputType {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** A dimension that the model leaves open and nobody pinned. */
export interface AssumedDimension {
  readonly input: string
  readonly axis: number
  /** The model's name for it; empty when it has none. */
  readonly symbol: string
  readonly extent: number
}

/** Which dimensions that nobody pinned stay open: see `ImportOptions.open`. */
export type Opening = 'none' | 'needed' | 'all'

const ANY_RANK = ' (of any rank)'

/** The batch, the first dimension, is taken as this when it is open. */
const ASSUMED_BATCH = 1

/**
 * The static shapes of a model's inputs. A dimension is what the model says, else what `shapes` pins; a symbol pinned in one
 * input holds in all others. An open first dimension that is not pinned is taken as 1 and reported.
 *
 * @throws `ERR_DYNAMIC_SHAPE` naming the open dimensions; `ERR_INVALID_ARGUMENT` when `shapes` does not fit the model.
 */
export function resolveInputs(
  inputs: readonly ValueInfoProto[],
  shapes: InputShapes = {},
  opening: Opening = 'none',
): { types: InputType[]; assumed: AssumedDimension[] } {
  checkNames(Object.keys(shapes), inputs)
  const symbols = new Map<string, number>()
  for (const { name, type } of inputs) pinSymbols(name, type?.tensorType?.shape?.dim, shapes[name], symbols)
  const assumed: AssumedDimension[] = []
  const open: string[] = []
  let example = ''
  const types = inputs.map((input): InputType => {
    const { name } = input
    const tensorType = input.type?.tensorType
    if (!tensorType) {
      const kind = input.type?.sequenceType
        ? 'a sequence'
        : input.type?.optionalType
          ? 'an optional'
          : 'no tensor'
      throw new TvmNodeError(
        'ERR_UNSUPPORTED_OPERATOR',
        `input '${name}' is ${kind}; inputs must be tensors`,
        {
          details: { operators: [] },
        },
      )
    }
    const dtype = elementType(tensorType.elemType, `input '${name}'`)
    if (!computable(dtype) && !isNarrow(dtype)) {
      throw new TvmNodeError(
        'ERR_UNSUPPORTED_OPERATOR',
        `input '${name}' has element type ${dtype}, which TVM cannot compute with`,
        {
          details: { operators: [] },
        },
      )
    }
    const dims = tensorType.shape?.dim
    const pinned = shapes[name]
    if (!dims && !pinned) open.push(`${name}${ANY_RANK}`)
    const rank = dims?.length ?? pinned?.length ?? 0
    const shape = Array.from({ length: rank }, (_, axis) => {
      const dim = dims?.[axis]
      const symbol = symbolOf(dim)
      const known = fixedExtent(dim) ?? positive(pinned?.[axis]) ?? symbols.get(symbol)
      if (known !== undefined) return known
      if (opening === 'all') return UNKNOWN_DIM
      if (axis === 0 && rank > 1) {
        assumed.push({ input: name, axis, symbol, extent: ASSUMED_BATCH })
        if (symbol) symbols.set(symbol, ASSUMED_BATCH)
        return ASSUMED_BATCH
      }
      open.push(`${name}[${axis}]${symbol ? ` (${symbol})` : ''}`)
      return 0
    })
    if (open.length > 0 && !example) example = exampleShape(name, dims ?? [], shape)
    checkedShape(
      shape.filter((dim) => dim !== UNKNOWN_DIM),
      `input '${name}'`,
    )
    return { name, shape, dtype }
  })
  const anyRank = open.some((each) => each.endsWith(ANY_RANK))
  if (open.length > 0 && opening === 'needed' && !anyRank) return resolveInputs(inputs, shapes, 'all')
  if (open.length > 0) {
    throw new TvmNodeError(
      'ERR_DYNAMIC_SHAPE',
      `the model leaves dimensions open: ${open.join(', ')}; pin them with shapes, on the command line --shape ${example}`,
      { details: { dimensions: open } },
    )
  }
  return { types, assumed }
}

/** How `--shape` would pin an input, with the names of the open dimensions in the place of their extents. */
function exampleShape(name: string, dims: readonly DimensionProto[], shape: readonly number[]): string {
  if (dims.length === 0) return `${name}:1,3,224,224`
  return `${name}:${shape.map((extent, axis) => extent || symbolOf(dims[axis]) || 'N').join(',')}`
}

/** The name of a dimension; some exporters write `?` for one that has none. */
function symbolOf(dim: DimensionProto | undefined): string {
  const symbol = dim?.dimParam ?? ''
  return symbol === '?' ? '' : symbol
}

/** @throws `ERR_INVALID_ARGUMENT` when a value does not fit the input that it is for. */
export function checkConstants(
  constants: Readonly<Record<string, Tensor>>,
  inputs: readonly ValueInfoProto[],
): void {
  checkNames(Object.keys(constants), inputs)
  for (const { name, type } of inputs) {
    const value = constants[name]
    const declared = type?.tensorType
    if (!value || !declared) continue
    const refuse = (why: string): never => {
      throw new TvmNodeError('ERR_INVALID_ARGUMENT', `the value for input '${name}' does not fit: ${why}`, {
        details: { name },
      })
    }
    const dtype = elementType(declared.elemType, `input '${name}'`)
    if (value.dtype !== dtype) refuse(`it is ${value.dtype} instead of ${dtype}`)
    const dims = declared.shape?.dim
    if (!dims) continue
    if (dims.length !== value.shape.length)
      refuse(`it has ${value.shape.length} dimensions instead of ${dims.length}`)
    for (const [axis, dim] of dims.entries()) {
      const extent = fixedExtent(dim)
      if (extent !== undefined && extent !== value.shape[axis]) {
        refuse(`dimension ${axis} is ${value.shape[axis]} instead of ${extent}`)
      }
    }
  }
}

function fixedExtent(dim: DimensionProto | undefined): number | undefined {
  // Some exporters write -1 for an open dimension.
  return dim && present(dim, 'dimValue') && longToNumber(dim.dimValue) >= 0
    ? longToNumber(dim.dimValue)
    : undefined
}

function positive(extent: number | undefined): number | undefined {
  return extent === undefined || extent < 0 ? undefined : extent
}

function checkNames(names: readonly string[], inputs: readonly ValueInfoProto[]): void {
  const valid = inputs.map(({ name }) => name)
  for (const name of names) {
    if (valid.includes(name)) continue
    const near = nearest(name, valid)
    const hint = near ? `did you mean '${near}'?` : `it has ${valid.map((each) => `'${each}'`).join(', ')}`
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `the model has no input '${name}'; ${hint}`, {
      details: { name, valid },
    })
  }
}

function pinSymbols(
  name: string,
  dims: readonly DimensionProto[] | undefined,
  pinned: readonly number[] | undefined,
  symbols: Map<string, number>,
): void {
  if (!dims || !pinned) return
  const refuse = (why: string): never => {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `shape [${pinned}] does not fit input '${name}': ${why}`, {
      details: { name, shape: pinned },
    })
  }
  if (dims.length !== pinned.length) refuse(`it has ${dims.length} dimensions`)
  for (const [axis, dim] of dims.entries()) {
    const extent = positive(pinned[axis])
    if (extent === undefined) continue
    const fixed = fixedExtent(dim)
    if (fixed !== undefined && fixed !== extent) refuse(`dimension ${axis} is ${fixed}`)
    const symbol = symbolOf(dim)
    if (!symbol) continue
    const known = symbols.get(symbol)
    if (known !== undefined && known !== extent) refuse(`${symbol} is pinned to ${known} already`)
    symbols.set(symbol, extent)
  }
}
