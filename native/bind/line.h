// Lines to boards, as packed functions that the library's client of micro sessions calls.
#ifndef TVM_NODE_BIND_LINE_H_
#define TVM_NODE_BIND_LINE_H_

#include "env_state.h"

namespace tvm_node {

/** linePair(): descriptors of two ends. */
Napi::Value LinePair(EnvState& state, const Napi::CallbackInfo& info);
/** lineConnect(host, port, timeoutMs): a descriptor. */
Napi::Value LineConnect(EnvState& state, const Napi::CallbackInfo& info);
/** lineSerial(path, baud): a descriptor. */
Napi::Value LineSerial(EnvState& state, const Napi::CallbackInfo& info);
/** lineOpen(descriptor): a line over it, which it takes over. */
Napi::Value LineOpen(EnvState& state, const Napi::CallbackInfo& info);
/** lineFunctions(line): [send, receive]. */
Napi::Value LineFunctions(EnvState& state, const Napi::CallbackInfo& info);
/** lineFlush(line, timeoutMs) */
Napi::Value LineFlush(EnvState& state, const Napi::CallbackInfo& info);
/** lineClose(line) */
Napi::Value LineClose(EnvState& state, const Napi::CallbackInfo& info);
/** closeDescriptor(descriptor) */
Napi::Value CloseDescriptor(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_LINE_H_
