import {
  dtypeArg,
  getGlobalFunc,
  registerObjectType,
  type TvmArg,
  type TvmArray,
  type TvmMap,
  TvmObject,
} from '../runtime/index.js'
import {
  add,
  constant,
  type ExprLike,
  IterKind,
  type IterVar,
  iterVar,
  max as maximum,
  minValue,
  type PrimExpr,
  variable,
} from './tir.js'
import { extent, UNKNOWN_DIM } from './type.js'

export { all, ifThenElse, select } from './tir.js'

/** What computes tensors: a placeholder, a compute, an extern (TVM v0.18, include/tvm/te/operation.h). */
export class Operation extends TvmObject {
  get name(): string {
    return this.get('name') as string
  }
  get tag(): string {
    return this.get('tag') as string
  }
  get attrs(): TvmMap {
    return this.get('attrs') as TvmMap
  }
  get inputs(): Tensor[] {
    return (getGlobalFunc('te.OpInputTensors')(this) as TvmArray<Tensor>).toArray()
  }
  output(index = 0): Tensor {
    return getGlobalFunc('te.OpGetOutput')(this, index) as Tensor
  }
  /** Axes of the result; only a compute has them. */
  get axis(): IterVar[] {
    return (this.get('axis') as TvmArray<IterVar>).toArray()
  }
  get reduceAxis(): IterVar[] {
    return (this.get('reduce_axis') as TvmArray<IterVar>).toArray()
  }
  /** What each output's elements are; only a compute has it. */
  get body(): PrimExpr[] {
    return (this.get('body') as TvmArray<PrimExpr>).toArray()
  }
  get isCompute(): boolean {
    return this.typeKey === 'ComputeOp'
  }
}
for (const key of ['PlaceholderOp', 'ComputeOp', 'ExternOp', 'HybridOp', 'TensorComputeOp', 'ScanOp'])
  registerObjectType(key, Operation)

/** A tensor expression. */
export class Tensor extends TvmObject {
  /** Extents, `-1` where not constant. */
  get shape(): number[] {
    return this.dims.map(extent)
  }
  get dims(): PrimExpr[] {
    return (this.get('shape') as TvmArray<PrimExpr>).toArray()
  }
  /** Extents as numbers where they are constant. */
  get extents(): ExprLike[] {
    return this.dims.map((dim) => (extent(dim) === UNKNOWN_DIM ? dim : extent(dim)))
  }
  /** Whether an extent is only known while a network runs. */
  get isOpen(): boolean {
    return this.shape.includes(UNKNOWN_DIM)
  }
  get dtype(): string {
    return this.get('dtype') as string
  }
  get op(): Operation {
    return this.get('op') as Operation
  }
  /** The element at `indices`. */
  at(...indices: ExprLike[]): PrimExpr {
    return getGlobalFunc('tir.ProducerLoad')(this, indices, null) as PrimExpr
  }
}
registerObjectType('Tensor', Tensor)

export interface ComputeOptions {
  readonly name?: string
  readonly tag?: string
  readonly attrs?: Readonly<Record<string, TvmArg>>
}

export function placeholder(shape: readonly ExprLike[], dtype: string, name: string): Tensor {
  return getGlobalFunc('te.Placeholder')([...shape], dtypeArg(dtype), name) as Tensor
}

/** A tensor of `shape` whose element at the given indices is `element(...indices)`. */
export function compute(
  shape: readonly ExprLike[],
  element: (...indices: PrimExpr[]) => PrimExpr,
  options: ComputeOptions = {},
): Tensor {
  const axes = shape.map((dim, i) => iterVar(dim, `i${i}`, IterKind.DATA_PARALLEL))
  const body = element(...axes.map((axis) => axis.var))
  const op = getGlobalFunc('te.ComputeOp')(
    options.name ?? 'compute',
    options.tag ?? '',
    { ...options.attrs },
    axes,
    [body],
  )
  return (op as Operation).output()
}

export function reduceAxis(length: ExprLike, name: string): IterVar {
  return iterVar(length, name, IterKind.REDUCE)
}

function reduce(combine: (a: PrimExpr, b: PrimExpr) => PrimExpr, identity: (dtype: string) => PrimExpr) {
  return (value: PrimExpr, axes: readonly IterVar[]): PrimExpr => {
    const { dtype } = value
    const [left, right] = [variable('x', dtype), variable('y', dtype)]
    const reducer = getGlobalFunc('tir.CommReducer')(
      [left],
      [right],
      [combine(left, right)],
      [identity(dtype)],
      null,
    )
    const always = constant(1, 'bool')
    return getGlobalFunc('tir.Reduce')(reducer, [value], [...axes], always, 0, [], null) as PrimExpr
  }
}
/** Sums over the reduction axes. */
export const sum = reduce(add, (dtype) => constant(0, dtype))
export const max = reduce(maximum, minValue)

/** One loop nest of a schedule (TVM v0.18, include/tvm/te/schedule.h). */
export class Stage extends TvmObject {
  get op(): Operation {
    return this.get('op') as Operation
  }
  /** The operation as the schedule was made for it, by which the schedule knows the stage. */
  get originalOp(): Operation {
    return this.get('origin_op') as Operation
  }
  /** Loops from the outermost inwards as they stand now. */
  get leaves(): IterVar[] {
    return (this.get('leaf_iter_vars') as TvmArray<IterVar>).toArray()
  }
  split(axis: IterVar, factor: number): [IterVar, IterVar] {
    return (
      getGlobalFunc('te.StageSplitByFactor')(this, axis, factor, false) as TvmArray<IterVar>
    ).toArray() as [IterVar, IterVar]
  }
  fuse(...axes: IterVar[]): IterVar {
    return axes.length === 1 ? (axes[0] as IterVar) : (getGlobalFunc('te.StageFuse')(this, axes) as IterVar)
  }
  reorder(...axes: IterVar[]): void {
    getGlobalFunc('te.StageReorder')(this, axes)
  }
  computeAt(parent: Stage, axis: IterVar): void {
    getGlobalFunc('te.StageComputeAt')(this, parent, axis)
  }
  computeInline(): void {
    getGlobalFunc('te.StageComputeInline')(this)
  }
  vectorize(axis: IterVar): void {
    getGlobalFunc('te.StageVectorize')(this, axis)
  }
  unroll(axis: IterVar): void {
    getGlobalFunc('te.StageUnroll')(this, axis)
  }
  parallel(axis: IterVar): void {
    getGlobalFunc('te.StageParallel')(this, axis)
  }
  /** Replaces the loops from `axis` inwards by an instruction (see `tensor-intrin.ts`). */
  tensorize(axis: IterVar, intrin: TvmObject): void {
    getGlobalFunc('te.StageTensorize')(this, axis, intrin)
  }
}
registerObjectType('Stage', Stage)

export class Schedule extends TvmObject {
  stage(of: Tensor | Operation): Stage {
    const op = of instanceof Tensor ? of.op : of
    return (this.get('stage_map') as TvmMap<Operation, Stage>).get(op)
  }
  get stages(): Stage[] {
    return (this.get('stages') as TvmArray<Stage>).toArray()
  }
  get outputs(): Operation[] {
    return (this.get('outputs') as TvmArray<Operation>).toArray()
  }
  /** Computes `tensor` in a buffer of its own, which is then copied; returns the buffer's tensor. */
  /** Splits a reduction into parts, one for each step of `axis`, that the tensor then sums; the parts' first axis is `axis`. */
  rfactor(tensor: Tensor, axis: IterVar): Tensor {
    return (getGlobalFunc('te.ScheduleRFactor')(this, tensor, axis, 0) as TvmArray<Tensor>).at(0)
  }
  cacheWrite(tensor: Tensor, scope = 'global'): Tensor {
    return getGlobalFunc('te.ScheduleCacheWrite')(this, tensor, scope) as Tensor
  }
}
registerObjectType('Schedule', Schedule)

export function createSchedule(outputs: readonly (Tensor | Operation)[]): Schedule {
  return getGlobalFunc('te.CreateSchedule')(
    outputs.map((of) => (of instanceof Tensor ? of.op : of)),
  ) as Schedule
}
