// JavaScript objects and functions over the library's handles.
#ifndef TVM_NODE_BIND_WRAP_H_
#define TVM_NODE_BIND_WRAP_H_

#include "env_state.h"

namespace tvm_node {

/**
 * A JavaScript object for the handle: an instance of the class for its kind and type, or a
 * function. `memory` is what the handle alone keeps allocated, in bytes; the collector is told of
 * it, so that it runs in time.
 */
Napi::Value Wrap(EnvState& state, HandlePtr handle, size_t memory = 0);
/** The handle of a wrapped object, or null when `value` is none of ours. Throws `ERR_DISPOSED`
 * after disposal. */
HandlePtr Unwrap(EnvState& state, napi_value value);
/** The same, for a function that needs a certain kind. Throws `ERR_INVALID_ARGUMENT` for anything
 * else. */
HandlePtr Expect(EnvState& state, Napi::Value value, Kind kind);
/** Drops the object's reference; later uses throw. */
void Dispose(EnvState& state, Napi::Value value);
bool IsDisposed(EnvState& state, Napi::Value value);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_WRAP_H_
