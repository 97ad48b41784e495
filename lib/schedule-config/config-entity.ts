import { TvmNodeError } from '../errors.js'
import { Config } from './config.js'
import { annotate, type KnobEntity, type KnobValue, other, plainValue, reorder, split } from './knob.js'

/** A configuration as records hold it. */
export interface PlainConfig {
  readonly index: number
  readonly code_hash: string | null
  readonly entity: readonly (readonly [name: string, kind: string, value: unknown])[]
}

/** One choice for every knob. */
export class ConfigEntity extends Config {
  /**
   * @param index - Its number in the space; -1 where it has none.
   */
  constructor(
    readonly entities: ReadonlyMap<string, KnobEntity>,
    readonly index = -1,
  ) {
    super()
  }

  /** @param entities - Knobs by name, in order. */
  static of(entities: Readonly<Record<string, KnobEntity>>): ConfigEntity {
    return new ConfigEntity(new Map(Object.entries(entities)))
  }

  /** @throws `ERR_INVALID_CONFIG` for what is no configuration of a record */
  static fromPlain({ index, entity }: PlainConfig): ConfigEntity {
    return new ConfigEntity(
      new Map(entity.map(([name, kind, value]) => [name, parse(name, kind, value)])),
      index,
    )
  }

  toPlain(): PlainConfig {
    return {
      index: this.index,
      code_hash: null,
      entity: [...this.entities].map(([name, entity]) => [name, entity.kind, plainValue(entity)]),
    }
  }

  override defineSplit(): void {}
  override defineReorder(): void {}
  override defineAnnotate(): void {}
  override defineKnob(): void {}

  protected override entity(name: string): KnobEntity | undefined {
    return this.entities.get(name)
  }

  override toString(): string {
    return [...this.entities]
      .map(([name, entity]) => `${name} ${JSON.stringify(plainValue(entity))}`)
      .join(', ')
  }
}

function parse(name: string, kind: string, value: unknown): KnobEntity {
  if (kind === 'sp' && isIntegers(value)) return split(...value)
  if (kind === 're' && isIntegers(value)) return reorder(...value)
  if (kind === 'an' && Array.isArray(value)) return annotate(...(value as (string | number)[]))
  if (kind === 'ot' && (typeof value !== 'object' || value === null)) return other(value as KnobValue)
  throw new TvmNodeError(
    'ERR_INVALID_CONFIG',
    `knob ${name} has a value that is none: ${JSON.stringify(value)}`,
  )
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(Number.isSafeInteger)
}
