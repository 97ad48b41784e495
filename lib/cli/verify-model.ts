import { basename, join, resolve } from 'node:path'
import { type Comparison, compareTensors, standardDeviation } from '../compare.js'
import { type Artifact, compile } from '../compile/compile.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { readTestDataSets, type TestDataSet } from '../frontend/onnx/test-data.js'
import { load } from '../session/load.js'
import type { Session } from '../session/session.js'
import { assembleValues, flattenValues, type NestedTensor } from '../session/structure.js'
import { type DType, isTensor, type Tensor } from '../tensor.js'

export type Phase = 'read' | 'compile' | 'load' | 'run' | 'compare'

export interface VerifyOptions {
  /** The defaults depend on the output: see `defaultRelative` and `defaultAbsolute`. */
  readonly tolerance: { readonly relative: number | undefined; readonly absolute: number | undefined }
  readonly target: string
  readonly optLevel: number
  readonly threads: number
  /** Milliseconds for the whole model. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onPhase?: (phase: Phase) => void
}

/** What `verify --json` prints for a model. */
export interface VerifyResult {
  /** The folder's name. */
  readonly name: string
  readonly ok: boolean
  /** Over all outputs of all data sets; null when nothing could be compared. */
  readonly max_abs_error: number | null
  /** Where it failed; null when it did not. */
  readonly phase: Phase | null
  readonly reason: string | null
  readonly ms: number
}

/**
 * Compiles and runs the model of a folder and compares what comes out with the folder's data sets. Never rejects for a fault of
 * the model; rejects when `signal` is aborted.
 */
export async function verifyModel(folder: string, options: VerifyOptions): Promise<VerifyResult> {
  const started = performance.now()
  const verification = new Verification(folder, options)
  let failure: string | undefined
  try {
    failure = await verification.perform()
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    failure = isTvmNodeError(error) ? `${error.code}: ${error.message}` : String(error)
  }
  return {
    name: basename(resolve(folder)),
    ok: failure === undefined,
    max_abs_error: verification.compared ? verification.maxAbsError : null,
    phase: failure === undefined ? null : verification.phase,
    reason: failure ?? null,
    ms: Math.round(performance.now() - started),
  }
}

class Verification {
  phase: Phase = 'read'
  maxAbsError = 0
  compared = false
  private readonly deadline: number

  constructor(
    private readonly folder: string,
    private readonly options: VerifyOptions,
  ) {
    this.deadline = performance.now() + options.timeoutMs
  }

  /** Why the model fails; undefined when it does not. */
  async perform(): Promise<string | undefined> {
    this.enter('read')
    const sets = readTestDataSets(this.folder)
    if (sets.length === 0) {
      throw new TvmNodeError('ERR_MODEL_READ', `${this.folder} has no test_data_set_* folder`)
    }
    for (const group of sameShapes(sets)) {
      const failure = await this.verify(group)
      if (failure) return failure
    }
    return undefined
  }

  /** Data sets whose inputs have the same shapes need one compilation, unless values had to be fixed. */
  private async verify(sets: readonly TestDataSet[]): Promise<string | undefined> {
    const [first, ...rest] = sets as [TestDataSet, ...TestDataSet[]]
    const { artifact, fixed } = await this.compile(first.inputs)
    await using _ = artifact
    this.enter('load')
    await using session = await load(artifact, {
      isolation: 'process',
      threads: this.options.threads,
      ...this.limits(),
    })
    const served = fixed.length > 0 ? [first] : sets
    for (const set of served) {
      const failure = await this.runSet(session, set)
      if (failure) return failure
    }
    return fixed.length > 0 && rest.length > 0 ? this.verify(rest) : undefined
  }

  private async compile(
    values: TestDataSet['inputs'],
  ): Promise<{ artifact: Artifact; fixed: readonly string[] }> {
    this.enter('compile')
    const inputs = flattenValues(values)
    const fixed = new Set<string>()
    for (;;) {
      const free = Object.entries(inputs).filter(([name]) => !fixed.has(name))
      const options = {
        target: this.options.target,
        optLevel: this.options.optLevel,
        shapes: {
          ...Object.fromEntries(free.map(([name, { shape }]) => [name, shape])),
          ...emptyValues(values),
        },
        constants: Object.fromEntries([...fixed].map((name) => [name, inputs[name] as Tensor])),
        // Compiling is what is verified.
        cache: false,
        ...this.limits(),
      }
      try {
        return { artifact: await compile(join(this.folder, 'model.onnx'), options), fixed: [...fixed] }
      } catch (error) {
        const needed = valuesNeeded(error).filter((name) => inputs[name] && !fixed.has(name))
        if (needed.length === 0) throw error
        for (const name of needed) fixed.add(name)
      }
    }
  }

  private async runSet(
    session: Session,
    { name, inputs, outputs }: TestDataSet,
  ): Promise<string | undefined> {
    this.enter('run')
    const tensors = flattenValues(inputs)
    const given = session.inputs.map(({ name, dtype }) => [name, typedAs(tensors[name], dtype)])
    const flat = await session.run(Object.fromEntries(given), this.limits())
    const results = assembleValues(flat, session.metadata.structure?.outputs)
    this.enter('compare')
    const failures = Object.entries(outputs).flatMap(([output, expected]) => {
      const result = results[output]
      const mismatch = this.compareNested(result, expected)
      return mismatch ? [`output '${output}' of ${name} ${mismatch}`] : []
    })
    return failures[0]
  }

  /** What differs; undefined where nothing does. */
  private compareNested(actual: NestedTensor | undefined, expected: NestedTensor): string | undefined {
    if (actual === undefined) return 'is missing'
    if (expected === null) return actual === null ? undefined : 'has a value, where none is expected'
    if (isTensor(expected)) {
      if (!isTensor(actual)) return 'is no tensor'
      return this.compare(actual, typedAs(expected, actual.dtype)).mismatch
    }
    if (isTensor(actual) || actual === null) return 'is no sequence'
    if (actual.length !== expected.length)
      return `has ${actual.length} elements instead of ${expected.length}`
    for (const [i, each] of expected.entries()) {
      const mismatch = this.compareNested(actual[i], each)
      if (mismatch) return `at place ${i} ${mismatch}`
    }
    return undefined
  }

  private compare(actual: Tensor, expected: Tensor): Comparison {
    const { relative = defaultRelative(expected), absolute = defaultAbsolute(expected) } =
      this.options.tolerance
    const isFloat = /^b?float/.test(expected.dtype)
    const comparison = compareTensors(actual, expected, { relative: isFloat ? relative : 0, absolute })
    if (!Number.isNaN(comparison.maxAbsError)) {
      this.compared = true
      this.maxAbsError = Math.max(this.maxAbsError, comparison.maxAbsError)
    }
    return comparison
  }

  private enter(phase: Phase): void {
    this.phase = phase
    this.options.onPhase?.(phase)
  }

  private limits(): { signal: AbortSignal; timeoutMs: number } {
    return { signal: this.options.signal, timeoutMs: Math.max(1, this.deadline - performance.now()) }
  }
}

/** Floats of 16 bits have 8 to 11 of them for digits. */
function defaultRelative({ dtype }: Tensor): number {
  return dtype === 'float16' || dtype === 'bfloat16' ? 1e-2 : 1e-3
}

/** 1e-4 of the output's standard deviation, but not below ONNX's own 1e-7; integers must agree. */
function defaultAbsolute(expected: Tensor): number {
  return /^b?float/.test(expected.dtype) ? Math.max(1e-4 * standardDeviation(expected), 1e-7) : 0
}

/** ONNX's own data sets keep bfloat16 as the bits, for NumPy's sake. */
function typedAs<T extends NestedTensor | undefined>(value: T, dtype: DType | undefined): T {
  const isBits = dtype === 'bfloat16' && isTensor(value) && value.dtype === 'uint16'
  return isBits ? { ...value, dtype } : value
}

/** The inputs on whose values shapes depend, if that is what the importer says. */
function valuesNeeded(error: unknown): string[] {
  if (!isTvmNodeError(error, 'ERR_DYNAMIC_SHAPE')) return []
  return Array.isArray(error.details.inputs) ? error.details.inputs : []
}

/** What only says that there is nothing, as `shapes` takes it. */
function emptyValues(values: TestDataSet['inputs']): Record<string, null | []> {
  const entries = Object.entries(values).flatMap(([name, value]): [string, null | []][] => {
    if (value === null) return [[name, null]]
    return isTensor(value) || value.length > 0 ? [] : [[name, []]]
  })
  return Object.fromEntries(entries)
}

function sameShapes(sets: readonly TestDataSet[]): TestDataSet[][] {
  const groups = new Map<string, TestDataSet[]>()
  for (const set of sets) {
    const tensors = Object.entries(flattenValues(set.inputs)).map(([name, { shape }]) => `${name}:${shape}`)
    const shapes = [...tensors, ...Object.keys(emptyValues(set.inputs))]
    const key = shapes.join(' ')
    groups.set(key, [...(groups.get(key) ?? []), set])
  }
  return [...groups.values()]
}
