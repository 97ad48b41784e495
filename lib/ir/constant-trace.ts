import { NDArray, observeArrays } from '../runtime/ndarray.js'
import type { DType, Tensor } from '../tensor.js'
import type { Call } from './relay.js'

/** How one constant comes about. Arguments are nodes by index; a list of them is a tuple. */
export type ConstantNode =
  /** The bytes of a source, of this type and shape. */
  | {
      readonly kind: 'source'
      readonly name: string
      readonly dtype: DType
      readonly shape: readonly number[]
    }
  /** A value that depends on no source. */
  | { readonly kind: 'literal'; readonly array: NDArray }
  /** Result `output` of the `outputs` of an operator on constants, with its type. */
  | {
      readonly kind: 'call'
      readonly call: Call
      readonly args: readonly (number | readonly number[])[]
      readonly output: number
      readonly outputs: number
      readonly dtype: string
      readonly shape: readonly number[]
    }

/** What may be told of a constant's value: all of it, or whether all its elements are positive. */
export type Aspect = 'value' | 'sign'

/**
 * Follows values from named sources, such as a model's weights, through all folding to the constants of a finished graph, and
 * notes which values anything else looked at. As long as those stay the same, other sources lead to the same graph with other
 * constants.
 */
export class ConstantTrace {
  readonly nodes: ConstantNode[] = []
  /** What was looked at: aspects by node. */
  readonly reads = new Map<number, Set<Aspect>>()
  private readonly byAddress = new Map<number, number>()
  private readonly byMemory = new Map<unknown, string>()
  private readonly memoryReads = new Map<string, number>()
  /** Values by node; holding them also keeps the library from using their addresses again. */
  private readonly values = new Map<number, NDArray | Tensor>()
  private quiet = 0

  /** Follows what `body` does. Traces do not nest. */
  during<T>(body: () => T): T {
    active = this
    observeArrays({ made: (array, tensor) => this.made(array, tensor), read: (array) => this.read(array) })
    try {
      return body()
    } finally {
      active = undefined
      observeArrays(undefined)
    }
  }

  /** The tensor's memory holds a source. */
  source(name: string, { data }: Tensor): void {
    this.byMemory.set(data, name)
  }

  /** The node of a constant that depends on sources; undefined for other constants. */
  nodeOf(array: NDArray): number | undefined {
    return this.byAddress.get(array.address)
  }

  /** `results` are the tensors that a call yields for constant arguments. */
  folded(call: Call, args: readonly (NDArray | readonly NDArray[])[], results: readonly NDArray[]): void {
    if (!args.flat().some((array) => this.nodeOf(array) !== undefined)) return
    const nodes = args.map((arg) =>
      isList(arg) ? arg.map((each) => this.argument(each)) : this.argument(arg),
    )
    for (const [output, array] of results.entries()) {
      const { dtype, shape } = array
      this.add({ kind: 'call', call, args: nodes, output, outputs: results.length, dtype, shape }, array)
    }
  }

  /** Someone depends on this aspect of a constant's value. */
  read(array: NDArray, aspect: Aspect = 'value'): void {
    const node = this.quiet > 0 ? undefined : this.nodeOf(array)
    if (node !== undefined) this.reads.set(node, (this.reads.get(node) ?? new Set()).add(aspect))
  }

  /** As `read`, of a tensor's memory. */
  readMemory(tensor: Tensor): void {
    const name = this.byMemory.get(tensor.data)
    if (name === undefined || this.quiet > 0 || this.memoryReads.has(name)) return
    const node = this.add(sourceNode(name, tensor), tensor)
    this.memoryReads.set(name, node)
    this.reads.set(node, new Set(['value']))
  }

  /** The value of a node that was read or folded. */
  valueOf(node: number): Tensor {
    const value = this.values.get(node)
    if (!value) throw new Error(`constant ${node} has no value`)
    return value instanceof NDArray ? this.whileFolding(() => value.toTensor()) : value
  }

  /** Runs `body`, whose looking at values is part of folding and noted by `folded`. */
  whileFolding<T>(body: () => T): T {
    this.quiet++
    try {
      return body()
    } finally {
      this.quiet--
    }
  }

  private argument(array: NDArray): number {
    return this.nodeOf(array) ?? this.add({ kind: 'literal', array })
  }

  private made(array: NDArray, tensor: Tensor): void {
    const name = this.byMemory.get(tensor.data)
    if (name !== undefined) this.add(sourceNode(name, tensor), array)
  }

  private add(node: ConstantNode, value?: NDArray | Tensor): number {
    const index = this.nodes.push(node) - 1
    if (value) this.values.set(index, value)
    if (value instanceof NDArray) this.byAddress.set(value.address, index)
    return index
  }
}

function sourceNode(name: string, { dtype, shape }: Tensor): ConstantNode {
  return { kind: 'source', name, dtype, shape: [...shape] }
}

let active: ConstantTrace | undefined

/** The trace that follows what happens now, if any. */
export function currentTrace(): ConstantTrace | undefined {
  return active
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
