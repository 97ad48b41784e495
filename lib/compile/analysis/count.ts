import { resolve } from 'node:path'
import type { Limits } from '../../limits.js'
import { runInEngine } from '../../process/engine.js'
import type { NamedTensors } from '../../session/inputs.js'
import type { CompileOptions } from '../compile.js'

/** One call of an operator in a network as it was imported, before anything is optimised. */
export interface CountedCall {
  /** Relay's name. */
  readonly operator: string
  /** Element type and shape of what it yields. */
  readonly output: string
  /** Multiplications with an addition; 0 for operators that are no convolution or product of matrices. */
  readonly macs: number
  /** Of weights and other constants, each counted once. */
  readonly parameterBytes: number
  readonly outputBytes: number
}

/** All calls of one operator. */
export interface OperatorCount extends Omit<CountedCall, 'output'> {
  readonly calls: number
}

/** What the operators of a network do, counted. */
export interface OperatorCounts {
  /** Those with the most work first. */
  readonly operators: readonly OperatorCount[]
  /** In order of execution. */
  readonly calls: readonly CountedCall[]
  readonly total: Omit<OperatorCount, 'operator'>
}

/** Which network is counted, where a model leaves that open: as for `compile`. */
export interface CountOptions {
  readonly shapes?: CompileOptions['shapes']
  readonly constants?: NamedTensors
}

/**
 * Counts what the operators of an ONNX file do, without compiling it.
 *
 * @throws `ERR_MODEL_READ`, `ERR_NOT_ONNX` and the importer's errors; `ERR_TIMEOUT`
 */
export async function countOperators(
  model: string,
  { signal, timeoutMs, ...options }: CountOptions & Limits = {},
): Promise<OperatorCounts> {
  const request = { model: resolve(model), ...options }
  const calls = (await runInEngine('count-operators', request, { signal, timeoutMs })) as CountedCall[]
  const names = [...new Set(calls.map(({ operator }) => operator))]
  const operators = names.map((operator) => ({
    operator,
    ...summed(calls.filter((call) => call.operator === operator)),
  }))
  operators.sort((a, b) => b.macs - a.macs || b.outputBytes - a.outputBytes)
  return { operators, calls, total: summed(calls) }
}

function summed(calls: readonly CountedCall[]): OperatorCounts['total'] {
  const sum = (field: 'macs' | 'parameterBytes' | 'outputBytes') =>
    calls.reduce((total, call) => total + call[field], 0)
  return {
    calls: calls.length,
    macs: sum('macs'),
    parameterBytes: sum('parameterBytes'),
    outputBytes: sum('outputBytes'),
  }
}
