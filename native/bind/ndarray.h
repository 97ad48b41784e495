// Arrays of the library and the memory of JavaScript.
#ifndef TVM_NODE_BIND_NDARRAY_H_
#define TVM_NODE_BIND_NDARRAY_H_

#include "env_state.h"

namespace tvm_node {

/** arrayEmpty(shape, code, bits, lanes, deviceType, deviceId) */
Napi::Value ArrayEmpty(EnvState& state, const Napi::CallbackInfo& info);
/** arrayFrom(view, shape, code, bits, lanes, strides?, offset?): over the view's memory where it is
 * aligned and has no strides, else a copy. */
Napi::Value ArrayFrom(EnvState& state, const Napi::CallbackInfo& info);
/** arrayInfo(array): { shape, code, bits, lanes, deviceType, deviceId, bytes } */
Napi::Value ArrayInfo(EnvState& state, const Napi::CallbackInfo& info);
/** arrayCopyTo(array, view) and arrayCopyFrom(array, view): the view has the elements in row-major
 * order. */
Napi::Value ArrayCopyTo(EnvState& state, const Napi::CallbackInfo& info);
Napi::Value ArrayCopyFrom(EnvState& state, const Napi::CallbackInfo& info);
/** viewAddress(view): where its memory lies, to find aligned places in it. */
Napi::Value ViewAddress(EnvState& state, const Napi::CallbackInfo& info);
/** copyToAddress(address, view): fills memory that a callback was given as an opaque pointer. */
Napi::Value CopyToAddress(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_NDARRAY_H_
