#ifndef TVM_NODE_BIND_NDARRAY_H_
#define TVM_NODE_BIND_NDARRAY_H_

#include "convert.h"

namespace tvm_node {

/** arrayEmpty(shape, code, bits, lanes, deviceType, deviceId) */
Napi::Value ArrayEmpty(const Napi::CallbackInfo& info);
/** arrayFrom(view, shape, code, bits, lanes): over the view's memory where it is aligned, else a copy. */
Napi::Value ArrayFrom(const Napi::CallbackInfo& info);
/** arrayInfo(array): { shape, code, bits, lanes, deviceType, deviceId, bytes } */
Napi::Value ArrayInfo(const Napi::CallbackInfo& info);
/** arrayCopyTo(array, view) and arrayCopyFrom(array, view): sizes must agree. */
Napi::Value ArrayCopyTo(const Napi::CallbackInfo& info);
Napi::Value ArrayCopyFrom(const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_NDARRAY_H_
