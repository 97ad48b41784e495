// Native threads that run packed functions one after the other, answering with promises.
#ifndef TVM_NODE_BIND_CALL_THREAD_H_
#define TVM_NODE_BIND_CALL_THREAD_H_

#include "env_state.h"

namespace tvm_node {

/** newThread(threads): with that many threads, itself among them, for parallel loops. */
Napi::Value NewThread(EnvState& state, const Napi::CallbackInfo& info);
/** callOn(thread, [[function, arguments], ...]): a promise of the results, in order. */
Napi::Value CallOn(EnvState& state, const Napi::CallbackInfo& info);
/** callHere(thread, calls): the same on the calling thread, with the workers of `thread`. */
Napi::Value CallHere(EnvState& state, const Napi::CallbackInfo& info);
/** closeThread(thread): ends it after the calls already queued. */
Napi::Value CloseThread(EnvState& state, const Napi::CallbackInfo& info);
/** adoptLoops(path): see `AdoptParallelLoops`. */
Napi::Value AdoptLoops(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_CALL_THREAD_H_
