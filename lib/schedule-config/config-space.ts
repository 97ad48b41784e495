import { TvmNodeError } from '../errors.js'
import { type AnnotatePolicy, annotateSpace } from './annotate-space.js'
import { Config } from './config.js'
import { ConfigEntity } from './config-entity.js'
import { type KnobEntity, type KnobSpace, type KnobValue, other } from './knob.js'
import { type OrderPolicy, orderSpace } from './order-space.js'
import { type SplitOptions, splitSpace } from './split-space.js'

/**
 * All configurations of a template, numbered: the knobs, in the order of their definition, are the digits of a number with
 * mixed radix, the first one running fastest (TVM v0.18, python/tvm/autotvm/task/space.py). While a template is collected each
 * knob reads as its first value.
 */
export class ConfigSpace extends Config {
  private readonly spaces = new Map<string, KnobSpace>()
  private condition: (config: ConfigEntity) => boolean = () => true

  override defineSplit(name: string, length: number, options?: SplitOptions): void {
    this.define(name, splitSpace(length, options))
  }
  override defineReorder(name: string, count: number, policy: OrderPolicy): void {
    this.define(name, orderSpace(count, policy))
  }
  override defineAnnotate(name: string, count: number, policy: AnnotatePolicy): void {
    this.define(name, annotateSpace(count, policy))
  }
  override defineKnob(name: string, candidates: readonly KnobValue[]): void {
    this.define(name, candidates.map(other))
  }

  /** Makes the configurations for which `condition` does not hold invalid; their numbers stay. */
  restrict(condition: (config: ConfigEntity) => boolean): void {
    const before = this.condition
    this.condition = (config) => before(config) && condition(config)
  }

  /** Knobs with their values, in order of definition. */
  get knobs(): ReadonlyMap<string, KnobSpace> {
    return this.spaces
  }
  /** How many values each knob has. */
  get dims(): number[] {
    return [...this.spaces.values()].map(({ length }) => length)
  }
  /** The number of configurations, invalid ones included. */
  get length(): number {
    return this.dims.reduce((total, length) => total * length, 1)
  }

  /** The configuration of that number, from 0 to `length - 1`. */
  get(index: number): ConfigEntity {
    if (!(Number.isSafeInteger(index) && index >= 0 && index < this.length)) {
      throw new TvmNodeError('ERR_INVALID_CONFIG', `there is no configuration ${index} of ${this.length}`)
    }
    const entities = new Map<string, KnobEntity>()
    let rest = index
    for (const [name, space] of this.spaces) {
      entities.set(name, space[rest % space.length] as KnobEntity)
      rest = Math.floor(rest / space.length)
    }
    return new ConfigEntity(entities, index)
  }
  isValid(index: number): boolean {
    return this.condition(this.get(index))
  }
  /** The digits of a configuration's number: which value each knob has. */
  digits(index: number): number[] {
    let rest = index
    return this.dims.map((length) => {
      const digit = rest % length
      rest = Math.floor(rest / length)
      return digit
    })
  }
  /** The number with these digits. */
  indexOf(digits: readonly number[]): number {
    const { dims } = this
    return digits.reduceRight((index, digit, i) => index * (dims[i] as number) + digit, 0)
  }
  /** The number of a configuration with these values, or -1 where the space has no such values. */
  find(config: ConfigEntity): number {
    const digits = [...this.spaces].map(([name, space]) => {
      const wanted = comparable(config.entities.get(name))
      return space.findIndex((entity) => comparable(entity) === wanted)
    })
    return digits.includes(-1) ? -1 : this.indexOf(digits)
  }

  protected override entity(name: string): KnobEntity | undefined {
    return this.spaces.get(name)?.[0]
  }

  private define(name: string, space: KnobSpace): void {
    if (space.length === 0) throw new TvmNodeError('ERR_INVALID_CONFIG', `no value is left for knob ${name}`)
    this.spaces.set(name, space)
  }
}

/** The first factor of a split says nothing: it is what the others leave. */
function comparable(entity: KnobEntity | undefined): string {
  return JSON.stringify(entity?.kind === 'sp' ? entity.factors.slice(1) : entity)
}
