export { adoptParallelLoops, type CallResults, CallThread, type PackedCall } from './call-thread.js'
export { dtypeArg, formatDataType, parseDataType } from './dtype.js'
export { Handle } from './handle.js'
export { type Library, openedLibrary, openLibrary } from './library.js'
export { libraryVersion, SUPPORTED_VERSION } from './library-version.js'
export { loadModuleFromFile, Module } from './module.js'
export { alignedTensor, NDArray, type Placement } from './ndarray.js'
export {
  loadJSON,
  makeNode,
  registerObjectType,
  saveJSON,
  structuralEqual,
  structuralHash,
  TvmArray,
  TvmMap,
  TvmObject,
} from './object.js'
export {
  findGlobalFunc,
  getGlobalFunc,
  listGlobalFuncNames,
  type PackedFunc,
  packed,
  registerFunc,
} from './packed-func.js'
export { measuredSeconds, type Timing, timeEvaluator } from './time-evaluator.js'
export { type DeviceType, device, float, type TvmArg, type TvmValue } from './value.js'
