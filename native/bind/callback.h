// JavaScript functions as packed functions.
#ifndef TVM_NODE_BIND_CALLBACK_H_
#define TVM_NODE_BIND_CALLBACK_H_

#include "env_state.h"

namespace tvm_node {

/** A packed function that runs `function` on the JavaScript thread, whichever thread calls it. */
HandlePtr MakeCallback(EnvState& state, Napi::Function function);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_CALLBACK_H_
