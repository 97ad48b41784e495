// `tvm-node/run`: what a host needs that only runs artifacts, all of it from `tvm-node` too. It is there a third sooner.
export { type ErrorCode, type ErrorOptions, errorCodes, isTvmNodeError, TvmNodeError } from './errors.js'
export type { Limits } from './limits.js'
export { readNpz, writeNpz } from './npz.js'
export type { ArtifactMetadata, InputInfo, Processor, ScheduleInfo, TensorInfo } from './session/artifact.js'
export type { CallOptions, ProfileOptions } from './session/call-options.js'
export type { NamedTensors } from './session/inputs.js'
export { type ArtifactSource, load } from './session/load.js'
export type {
  BoardUsage,
  LatencyMetrics,
  LoadOptions,
  OperatorProfile,
  ProfileReport,
  Session,
} from './session/session.js'
export { assembleValues, flattenValues, type NestedTensor, type Structure } from './session/structure.js'
export type { Summary } from './statistics.js'
export { type DType, type Tensor, type TensorData, type TypedArray, tensor } from './tensor.js'
