import { compareTensors, standardDeviation, type Tolerance } from '../compare.js'
import { TvmNodeError } from '../errors.js'
import { load } from '../session/load.js'
import { type ChooseExtent, sampleInputs } from '../session/sample-inputs.js'
import type { DType, Tensor } from '../tensor.js'

/** What a compiled network is tried with. */
export interface VerifyOptions {
  /** Of the random inputs; any whole number but 0. Default 1. */
  readonly seed?: number
  /** How many sets of random inputs are tried. Default 2. */
  readonly rounds?: number
  /**
   * Shapes of inputs whose extents are left to a run, by name; only open dimensions are looked at. Where there are none, an open first
   * dimension is 1, 2, 3... from round to round and any other 64, 96, 128...
   */
  readonly shapes?: Readonly<Record<string, readonly number[]>>
}

/** Convolutional networks halve their images some five times. */
const LENGTH = 32

/** What open dimensions are in a round: others than in the one before. */
function extentsFor(round: number, shapes: VerifyOptions['shapes']): ChooseExtent {
  return ({ name }, axis) => shapes?.[name]?.[axis] ?? (axis === 0 ? 1 + round : LENGTH * (2 + round))
}

/** How an output compares with that of the same network at optimisation level 0. */
export interface OutputVerification {
  readonly name: string
  readonly dtype: DType
  /** The largest difference of an element over all rounds. */
  readonly maxAbsError: number
  /** What an element may differ by, in words. */
  readonly allowed: string
  /** The first element that differs by more; null where none does. */
  readonly mismatch: string | null
}

/** How a compiled network compares with a build at optimisation level 0 on random inputs. */
export interface Verification {
  readonly seed: number
  readonly rounds: number
  readonly outputs: readonly OutputVerification[]
}

/** By how much outputs may differ: a share of the element, and a share of the standard deviation of its output. */
const shares: Readonly<Partial<Record<DType, { readonly relative: number; readonly ofDeviation: number }>>> =
  {
    float64: { relative: 1e-6, ofDeviation: 1e-6 },
    float32: { relative: 1e-3, ofDeviation: 1e-4 },
    float16: { relative: 1e-2, ofDeviation: 1e-2 },
    bfloat16: { relative: 5e-2, ofDeviation: 5e-2 },
  }
/** At level 0 quantised networks compute with real numbers, so that a number may be rounded to the next step and others follow it. */
const ofQuantized = { relative: 0.05, ofDeviation: 0.1 }
/** An output may be constant. */
const LEAST = 1e-7

function toleranceFor(expected: Tensor, quantized: boolean): { tolerance: Tolerance; allowed: string } {
  const share = quantized && shares[expected.dtype] ? ofQuantized : shares[expected.dtype]
  if (share) {
    const absolute = Math.max(share.ofDeviation * standardDeviation(expected), LEAST)
    return {
      tolerance: { relative: share.relative, absolute },
      allowed: `${share.relative} of the value and ${share.ofDeviation} of the standard deviation${quantized ? ', as it is quantised' : ''}`,
    }
  }
  if (expected.dtype === 'int8' || expected.dtype === 'uint8') {
    return { tolerance: { relative: 0, absolute: 1 }, allowed: 'one quantisation step' }
  }
  return { tolerance: { relative: 0, absolute: 0 }, allowed: 'nothing' }
}

/**
 * Runs two builds of a network on the same random inputs (see `sampleInputs`) in processes of their own and compares the outputs.
 *
 * @param path - The artifact in question.
 * @param plainPath - The artifact of the same model at optimisation level 0.
 * @throws `ERR_VERIFICATION` naming the outputs that differ; `ERR_CPU_FEATURES` where the target is not this machine.
 */
export async function compareBuilds(
  path: string,
  plainPath: string,
  { seed = 1, rounds = 2, shapes }: VerifyOptions,
  limits: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
): Promise<Verification> {
  const settings = { isolation: 'process', threads: 1, ...limits } as const
  await using session = await load(path, settings)
  await using plain = await load(plainPath, settings)
  const found = new Map<string, OutputVerification>()
  for (let round = 0; round < rounds; round++) {
    const inputs = sampleInputs(session.inputs, seed + round, extentsFor(round, shapes))
    const [results, expected] = [await session.run(inputs, limits), await plain.run(inputs, limits)]
    for (const { name, dtype } of session.outputs) {
      const [actual, wanted] = [results[name] as Tensor, expected[name] as Tensor]
      const { tolerance, allowed } = toleranceFor(wanted, session.metadata.quantized ?? false)
      const { maxAbsError, mismatch } = compareTensors(actual, wanted, tolerance)
      const before = found.get(name)
      found.set(name, {
        name,
        dtype,
        maxAbsError: Math.max(before?.maxAbsError ?? 0, maxAbsError),
        allowed,
        mismatch: before?.mismatch ?? mismatch ?? null,
      })
    }
  }
  const verification = { seed, rounds, outputs: [...found.values()] }
  const failing = verification.outputs.filter(({ mismatch }) => mismatch !== null)
  if (failing.length === 0) return verification
  const lines = failing.map(
    ({ name, mismatch, maxAbsError, allowed }) =>
      `'${name}' (${mismatch}; largest difference ${maxAbsError.toExponential(1)}, allowed is ${allowed})`,
  )
  throw new TvmNodeError(
    'ERR_VERIFICATION',
    `outputs differ from those of a build at optimisation level 0: ${lines.join('; ')}`,
    { details: { ...verification } },
  )
}
