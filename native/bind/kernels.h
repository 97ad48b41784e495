// Kernels for constant folding, over typed arrays.
#ifndef TVM_NODE_BIND_KERNELS_H_
#define TVM_NODE_BIND_KERNELS_H_

#include "env_state.h"

namespace tvm_node {

/** stridedCopy(to, toStrides, toOffset, from, fromStrides, fromOffset, shape, itemSize): in
 * elements. */
Napi::Value StridedCopyOf(EnvState& state, const Napi::CallbackInfo& info);
/** binary(op, dtype, to, a, aStrides, b, bStrides, shape) */
Napi::Value BinaryOf(EnvState& state, const Napi::CallbackInfo& info);
/** unary(op, dtype, to, from) */
Napi::Value UnaryOf(EnvState& state, const Napi::CallbackInfo& info);
/** castElements(to, toDtype, from, fromDtype) */
Napi::Value CastOf(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_KERNELS_H_
