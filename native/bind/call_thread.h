// Native threads that run packed functions one after the other, answering with promises.
#ifndef TVM_NODE_BIND_CALL_THREAD_H_
#define TVM_NODE_BIND_CALL_THREAD_H_

#include "env_state.h"

namespace tvm_node {

Napi::Value NewThread(EnvState& state, const Napi::CallbackInfo& info);
/** callOn(thread, [[function, arguments], ...]): a promise of the results, in order. */
Napi::Value CallOn(EnvState& state, const Napi::CallbackInfo& info);
/** closeThread(thread): ends it after the calls already queued. */
Napi::Value CloseThread(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_CALL_THREAD_H_
