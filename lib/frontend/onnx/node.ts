import { TvmNodeError } from '../../errors.js'
import { freeVars } from '../../ir/relay.js'
import type { Attributes } from './attributes.js'
import type { NodeProto } from './schema.js'
import type { Value } from './value.js'

/** A node as converters see it. */
export class OnnxNode {
  readonly proto: NodeProto
  readonly attrs: Attributes
  /** The version of the node's operator set. */
  readonly opset: number

  /** @param open - Whether extents may be left to be found by a run. */
  constructor(
    proto: NodeProto,
    attrs: Attributes,
    opset: number,
    readonly open = false,
  ) {
    this.proto = proto
    this.attrs = attrs
    this.opset = opset
  }

  /** For messages: the name, or else the first output. */
  get label(): string {
    return nodeLabel(this.proto)
  }
  /** The node without one of its attributes. */
  without(attribute: string): OnnxNode {
    return new OnnxNode(this.proto, this.attrs.without(attribute), this.opset, this.open)
  }
  get outputCount(): number {
    return this.proto.output.length
  }
  /** Whether output `i` is asked for. */
  wants(i: number): boolean {
    return Boolean(this.proto.output[i])
  }

  /** The model breaks a rule of ONNX. */
  invalid(why: string, cause?: unknown): never {
    throw new TvmNodeError('ERR_INVALID_MODEL', `${this.label}: ${why}`, {
      cause,
      details: { node: this.proto.name },
    })
  }
  /** A form of the operator that cannot be imported. */
  unsupported(why: string): never {
    const operator = {
      operator: this.proto.opType,
      domain: this.proto.domain,
      version: this.opset,
      reason: why,
    }
    throw new TvmNodeError('ERR_UNSUPPORTED_OPERATOR', `${this.label}: ${why}`, {
      details: { operators: [{ ...operator, nodes: [this.proto.name || this.proto.output[0]] }] },
    })
  }

  /** The elements of an input that must be known at compile time. */
  numbers(value: Value, role: string): number[] {
    return value.numbers ?? this.dynamic(`its ${role} is computed while the model runs`, [value])
  }
  /** As `numbers`, of one element. */
  number(value: Value, role: string): number {
    return this.numbers(value, role)[0] ?? this.invalid(`its ${role} is empty`)
  }
  /** The elements of an input on which a shape depends; undefined where only a run knows them and that may be so. */
  knownNumbers(value: Value, role: string): number[] | undefined {
    return this.open ? value.numbers : this.numbers(value, role)
  }
  /** A shape would depend on these values, which only a run computes. */
  dynamic(why: string, values: readonly (Value | undefined)[]): never {
    throw new TvmNodeError(
      'ERR_DYNAMIC_SHAPE',
      `${this.label}: ${why}, so that shapes are not known before`,
      {
        details: { node: this.proto.name, inputs: parametersOf(values) },
      },
    )
  }
  /** An axis counted from the front; negative ones count from the end. */
  axis(axis: number, rank: number): number {
    if (!Number.isInteger(axis) || axis < -rank || axis >= Math.max(rank, 1)) {
      return this.invalid(`axis ${axis} is outside of ${rank} dimensions`)
    }
    return axis < 0 ? axis + rank : axis
  }
}

/** The names of the function's parameters that the values are computed from. */
function parametersOf(values: readonly (Value | undefined)[]): string[] {
  const computed = values.filter((value) => value && !value.isConstant) as Value[]
  return [...new Set(computed.flatMap(({ expr }) => freeVars(expr).map(({ name }) => name)))]
}

export function nodeLabel({ name, opType, output }: NodeProto): string {
  return `node '${name || output[0]}' (${opType})`
}
