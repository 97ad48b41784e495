#ifndef TVM_NODE_BIND_CALL_THREAD_H_
#define TVM_NODE_BIND_CALL_THREAD_H_

#include "convert.h"

namespace tvm_node {

Napi::Value NewThread(const Napi::CallbackInfo& info);
/** callOn(thread, function, arguments): a promise of the result. */
Napi::Value CallOn(const Napi::CallbackInfo& info);
Napi::Value CloseThread(const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_CALL_THREAD_H_
