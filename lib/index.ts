export { type BackendProfile, type Prepared, type PrepareOptions, TvmBackend } from './backend/backend.js'
export type { BackendConfig, BackendConfigInput } from './backend/config.js'
export { loadBackendConfig } from './backend/config-file.js'
export type { Batch, Evaluation, EvaluationOptions, ModelSource, StageOptions } from './backend/evaluation.js'
export type { BackendCall, BackendEvent, Listener } from './backend/events.js'
export type { OutputMetrics } from './backend/output-error.js'
export type { EvaluationResult, Metrics, Queued, Rebuilt, SkipReason, Stage } from './backend/results.js'
export type { Board, BoardInput } from './boards/board.js'
export * as boards from './boards/index.js'
export { type TuneOnBoardOptions, tune } from './boards/tune.js'
export {
  type CountedCall,
  type CountOptions,
  countOperators,
  type OperatorCount,
  type OperatorCounts,
} from './compile/analysis/count.js'
export type { CacheOptions } from './compile/cache/store.js'
export { type CheckOptions, checkModel, type ModelReport } from './compile/check.js'
export { Artifact, type CompileOptions, compile } from './compile/compile.js'
export type { CompileFormat, RequestedExecutor } from './compile/task.js'
export type { OutputVerification, Verification, VerifyOptions } from './compile/verify.js'
export type { AssumedDimension } from './frontend/onnx/input-shapes.js'
export type { ModelProblem } from './frontend/onnx/survey.js'
export type { LineDescription } from './micro/line.js'
export { type EngineLimits, limitEngines } from './process/engine-limits.js'
export type { ProgressEvent } from './process/protocol.js'
export type { ResultFilter, ResultRecord, StoredResult, WholeResult } from './results/record.js'
export { ResultStore } from './results/store.js'
export type { Address } from './rpc/address.js'
export type { KernelArgument } from './rpc/board-timing.js'
export { type ConnectOptions, RemoteSession } from './rpc/remote-session.js'
export { requestSession, type SessionRequest } from './rpc/request-session.js'
export { RpcServer, type RpcServerOptions } from './rpc/server.js'
export { Tracker, type TrackerOptions } from './rpc/tracker.js'
export { queryTracker } from './rpc/tracker-client.js'
export type { ServerInfo, TrackerSummary } from './rpc/tracker-summary.js'
export * from './run.js'
export type { Timing } from './runtime/time-evaluator.js'
export type { TvmArg } from './runtime/value.js'
export type { TrialError, TuningRecord } from './schedule-config/record.js'
export { registerTemplate, type Template } from './schedule-config/template.js'
export type { PlainArg, Workload } from './schedule-config/workload.js'
export type { ServiceLimits } from './service/limits.js'
export { Service, type ServiceOptions } from './service/service.js'
export {
  analyzeMemory,
  type MemoryAnalysis,
  type MemoryNeed,
  type MemoryStep,
  type TensorLifetime,
} from './session/memory.js'
export type { Prompt } from './ssh/authentication.js'
export type { TunerConfig, TunerName, TunerSettings } from './tuning/config.js'
export type { TaskInfo, TrialEvent, TuneEvent, TunePhase } from './tuning/events.js'
export type { EndReason } from './tuning/task-state.js'
export {
  type TaskReport,
  type TuneOptions,
  type TuneReport,
  type TuneWorkloadsOptions,
  type TuneWorkloadsReport,
  tuneWorkloads,
} from './tuning/tune.js'
