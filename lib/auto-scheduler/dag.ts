import { createHash } from 'node:crypto'
import type { Schedule, Tensor } from '../ir/te.js'
import { getGlobalFunc, loadJSON, saveJSON, type TvmArray, type TvmObject } from '../runtime/index.js'
import type { Instance } from '../schedule-config/template.js'

/**
 * A computation whose schedule is searched (TVM v0.18, include/tvm/auto_scheduler/compute_dag.h), with the key by which
 * records name it.
 */
export class ComputeDag {
  private constructor(
    readonly object: TvmObject,
    readonly tensors: readonly Tensor[],
    /** JSON of the hash of the computation's text and the shapes of its tensors, as Python writes it. */
    readonly key: string,
  ) {}

  /** @param tensors - Inputs, then outputs. @throws `ERR_TVM` for computations that cannot be searched */
  static of(tensors: readonly Tensor[]): ComputeDag {
    const object = getGlobalFunc('auto_scheduler.ComputeDAG')([...tensors], null) as TvmObject
    const text = getGlobalFunc('auto_scheduler.ComputeDAGPrintDAG')(object, true) as string
    const hash = createHash('md5').update(text).digest('hex')
    const shapes = tensors.map(({ shape }) => `[${shape.join(', ')}]`)
    return new ComputeDag(object, tensors, `[${[JSON.stringify(hash), ...shapes].join(', ')}]`)
  }

  static load(definition: string): ComputeDag {
    return ComputeDag.of((loadJSON(definition) as TvmArray<Tensor>).toArray())
  }

  /** All that another process needs to have the same. */
  save(): string {
    return saveJSON([...this.tensors])
  }

  /** Arithmetic operations. */
  get flop(): number {
    return this.object.get('flop_ct') as number
  }

  /** @throws `ERR_TVM` where the steps do not fit */
  apply(state: TvmObject): Instance {
    const rewriteNothing = 0
    const applied = getGlobalFunc('auto_scheduler.ComputeDAGApplyStepsFromState')(
      this.object,
      state,
      rewriteNothing,
    ) as TvmArray<TvmObject>
    const [schedule, args] = applied.toArray()
    return { schedule: schedule as Schedule, args: (args as TvmArray<Tensor>).toArray() }
  }
}

/** Inputs in the order in which the computation of the outputs meets them, then the outputs. */
export function ioTensors(outputs: readonly Tensor[]): Tensor[] {
  const inputs: Tensor[] = []
  const seen = new Set<number>()
  const visit = (tensor: Tensor) => {
    if (seen.has(tensor.address)) return
    seen.add(tensor.address)
    if (tensor.op.typeKey === 'PlaceholderOp') inputs.push(tensor)
    else if (tensor.op.isCompute) for (const input of tensor.op.inputs) visit(input)
  }
  for (const output of outputs) visit(output)
  return [...inputs, ...outputs]
}

/** Whether anything is summed up: what else there is is left to the default schedules. */
export function hasReduction(outputs: readonly Tensor[]): boolean {
  const seen = new Set<number>()
  const visit = ({ op }: Tensor): boolean => {
    if (seen.has(op.address)) return false
    seen.add(op.address)
    if (!op.isCompute) return false
    const body = (op.get('body') as TvmArray<TvmObject>).toArray()
    return body.some(({ typeKey }) => typeKey === 'tir.Reduce') || op.inputs.some(visit)
  }
  return outputs.some(visit)
}
