import { native } from '../native.js'
import type { Module } from './module.js'
import type { NDArray } from './ndarray.js'
import type { TvmObject } from './object.js'
import type { PackedFunc } from './packed-func.js'

/**
 * What a packed function takes. null and undefined are null; booleans are booleans; integral numbers and bigints are integers,
 * other numbers floats; strings are text, Uint8Array bytes; arrays become `runtime.Array`, maps and plain objects
 * `runtime.Map`; functions become packed functions.
 */
export type TvmArg =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TvmObject
  | PackedFunc
  | Module
  | NDArray
  | readonly TvmArg[]
  | ReadonlyMap<TvmArg, TvmArg>
  | { readonly [name: string]: TvmArg }
  | ((...args: never[]) => unknown)
  | object

/** What a packed function returns; integers beyond 2^53 are bigints. */
export type TvmValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TvmObject
  | PackedFunc
  | Module
  | NDArray

/** A float, also where the number happens to be integral. */
export function float(value: number): object {
  return native.float(value)
}

const deviceTypes = { cpu: 1, cuda: 2, opencl: 4, vulkan: 7, metal: 8, rocm: 10, hexagon: 16 } as const
export type DeviceType = keyof typeof deviceTypes

/** A device argument, for example `device('cpu')`. */
export function device(type: DeviceType, id = 0): object {
  return native.device(deviceTypes[type], id)
}

/** The ABI's number of a device type. */
export function deviceCode(type: DeviceType): number {
  return deviceTypes[type]
}
