import { isDType } from '../tensor.js'
import type { ArtifactMetadata } from './artifact.js'

/**
 * What is wrong with an artifact's metadata, in a few words; undefined for what this version writes. A right sum tells only that the
 * file is as it was written, by whomever.
 */
export function faultOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'its metadata are no object'
  const wrong = Object.entries(checks).find(([name, check]) => !check(value[name]))
  return wrong && `its metadata have no right '${wrong[0]}'`
}

type Check = (value: unknown) => boolean

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isString: Check = (value) => typeof value === 'string'
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
/** -1 where only a run knows. */
const isExtent: Check = (value) => value === -1 || isCount(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const tableOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
const objectWith =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]))
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

const tensor = {
  name: isString,
  shape: listOf(isExtent),
  dtype: (value: unknown) => isString(value) && isDType(value as string),
}
const isStructure: Check = (value) => value === null || value === 'tensor' || listOf(isStructure)(value)

/** All of them, which the type sees to. */
const executors: Readonly<Record<ArtifactMetadata['executor'], true>> = {
  graph: true,
  aot: true,
  vm: true,
  host: true,
}

const checks: Readonly<Record<keyof ArtifactMetadata, Check>> = {
  format: isCount,
  name: isString,
  createdBy: isString,
  modelHash: isString,
  target: isString,
  cpuFeatures: listOf(isString),
  libraryVersion: isString,
  libraryCommit: isString,
  executor: (value) => typeof value === 'string' && Object.hasOwn(executors, value),
  optLevel: isCount,
  inputs: listOf(objectWith({ ...tensor, internal: isString })),
  outputs: listOf(objectWith(tensor)),
  assumed: listOf(objectWith({ input: isString, axis: isCount, extent: isExtent })),
  quantized: optional((value) => typeof value === 'boolean'),
  structure: optional(objectWith({ inputs: tableOf(isStructure), outputs: tableOf(isStructure) })),
  schedules: listOf(
    objectWith({
      implementation: isString,
      source: isString,
      workload: optional(isString),
      config: optional(isString),
      key: optional(isString),
      function: optional(isString),
    }),
  ),
  members: tableOf(objectWith({ size: isCount, sha256: isString })),
}
