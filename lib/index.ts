export { type BackendProfile, type Prepared, type PrepareOptions, TvmBackend } from './backend/backend.js'
export type { BackendConfig, BackendConfigInput } from './backend/config.js'
export { loadBackendConfig } from './backend/config-file.js'
export type { Batch, Evaluation, EvaluationOptions } from './backend/evaluation.js'
export type { BackendEvent } from './backend/events.js'
export type { OutputMetrics } from './backend/output-error.js'
export type { EvaluationResult, Metrics, Queued, Rebuilt, SkipReason, Stage } from './backend/results.js'
export type { Board, BoardInput } from './boards/board.js'
export * as boards from './boards/index.js'
export { type TuneOnBoardOptions, tune } from './boards/tune.js'
export { type CountedCall, countOperators, type OperatorCounts } from './compile/analysis/count.js'
export { type CheckOptions, checkModel, type ModelReport } from './compile/check.js'
export { Artifact, type CompileOptions, compile } from './compile/compile.js'
export type { OutputVerification, Verification, VerifyOptions } from './compile/verify.js'
export { type ErrorCode, errorCodes, isTvmNodeError, TvmNodeError } from './errors.js'
export type { ModelProblem } from './frontend/onnx/survey.js'
export { readNpz, writeNpz } from './npz.js'
export type { ProgressEvent } from './process/protocol.js'
export type { ResultFilter, ResultRecord, StoredResult, WholeResult } from './results/record.js'
export { ResultStore } from './results/store.js'
export type { Address } from './rpc/address.js'
export { type ConnectOptions, RemoteSession } from './rpc/remote-session.js'
export { requestSession, type SessionRequest } from './rpc/request-session.js'
export { RpcServer, type RpcServerOptions } from './rpc/server.js'
export { Tracker, type TrackerOptions } from './rpc/tracker.js'
export { queryTracker } from './rpc/tracker-client.js'
export type { TrackerSummary } from './rpc/tracker-summary.js'
export { registerTemplate, type Template } from './schedule-config/template.js'
export type { Workload } from './schedule-config/workload.js'
export type { ServiceLimits } from './service/limits.js'
export { Service, type ServiceOptions } from './service/service.js'
export type { ArtifactMetadata, TensorInfo } from './session/artifact.js'
export type { CallOptions, ProfileOptions } from './session/call-options.js'
export type { NamedTensors } from './session/inputs.js'
export { type ArtifactSource, load } from './session/load.js'
export { analyzeMemory, type MemoryAnalysis } from './session/memory.js'
export type {
  LatencyMetrics,
  LoadOptions,
  OperatorProfile,
  ProfileReport,
  Session,
} from './session/session.js'
export { assembleValues, flattenValues, type NestedTensor, type Structure } from './session/structure.js'
export { type DType, type Tensor, type TensorData, tensor } from './tensor.js'
export type { TunerConfig } from './tuning/config.js'
export type { TaskInfo, TrialEvent, TuneEvent } from './tuning/events.js'
export {
  type TaskReport,
  type TuneOptions,
  type TuneReport,
  type TuneWorkloadsOptions,
  type TuneWorkloadsReport,
  tuneWorkloads,
} from './tuning/tune.js'
