import { TvmNodeError } from '../errors.js'
import type { AnnotatePolicy } from './annotate-space.js'
import type { Annotate, KnobEntity, KnobValue, Reorder, Split } from './knob.js'
import type { OrderPolicy } from './order-space.js'
import type { SplitOptions } from './split-space.js'

/**
 * What a template reads its choices from. It defines each knob before it reads it: a space learns from that what there is to
 * choose, a configuration has chosen already and takes no notice.
 */
export abstract class Config {
  /** Multiplications and additions of the task, where the template says so itself. */
  flop = 0

  abstract defineSplit(name: string, length: number, options?: SplitOptions): void
  abstract defineReorder(name: string, count: number, policy: OrderPolicy): void
  abstract defineAnnotate(name: string, count: number, policy: AnnotatePolicy): void
  abstract defineKnob(name: string, candidates: readonly KnobValue[]): void

  protected abstract entity(name: string): KnobEntity | undefined

  addFlop(count: number): void {
    this.flop += count
  }
  split(name: string): Split {
    return this.read(name, 'sp')
  }
  has(name: string): boolean {
    return this.entity(name) !== undefined
  }
  /** The innermost factor of a split. */
  inner(name: string): number {
    return this.split(name).factors.at(-1) as number
  }
  reorder(name: string): Reorder {
    return this.read(name, 're')
  }
  annotate(name: string): Annotate {
    return this.read(name, 'an')
  }
  value(name: string): KnobValue {
    return this.read(name, 'ot').value
  }

  private read<Kind extends KnobEntity['kind']>(
    name: string,
    kind: Kind,
  ): Extract<KnobEntity, { kind: Kind }> {
    const entity = this.entity(name)
    if (entity?.kind === kind) return entity as Extract<KnobEntity, { kind: Kind }>
    throw new TvmNodeError(
      'ERR_INVALID_CONFIG',
      entity
        ? `knob ${name} is of kind '${entity.kind}', not '${kind}'`
        : `the configuration lacks the knob ${name}`,
      { details: { knob: name } },
    )
  }
}
