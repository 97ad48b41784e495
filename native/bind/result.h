// What the library returns as JavaScript values.
#ifndef TVM_NODE_BIND_RESULT_H_
#define TVM_NODE_BIND_RESULT_H_

#include "../tvm/value.h"
#include "env_state.h"

namespace tvm_node {

/** Integers beyond 2^53 become bigints, `runtime.String` objects strings, handles instances of
 * their classes. */
Napi::Value ToJs(EnvState& state, OwnedValue value);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_RESULT_H_
