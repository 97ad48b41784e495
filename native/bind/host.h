// The machine's own facilities: processor features, shared memory and sockets.
#ifndef TVM_NODE_BIND_HOST_H_
#define TVM_NODE_BIND_HOST_H_

#include "env_state.h"

namespace tvm_node {

Napi::Value CpuFeaturesOf(EnvState& state, const Napi::CallbackInfo& info);
/** endWithParent(): the system kills this process when the thread that started it ends (Linux). */
Napi::Value EndWithParent(EnvState& state, const Napi::CallbackInfo& info);
/** openMemoryFile(): [file, descriptor]; closed by hand, by the collector, or with the environment */
Napi::Value OpenMemoryFile(EnvState& state, const Napi::CallbackInfo& info);
/** closeMemoryFile(file) */
Napi::Value CloseMemoryFile(EnvState& state, const Napi::CallbackInfo& info);
/** mapMemoryFile(descriptor, size): a buffer over its first bytes */
Napi::Value MapMemoryFile(EnvState& state, const Napi::CallbackInfo& info);
/** socketBlocking(fd, blocking) */
Napi::Value SocketBlocking(EnvState& state, const Napi::CallbackInfo& info);
/** socketDuplicate(fd): another descriptor of the socket */
Napi::Value SocketDuplicate(EnvState& state, const Napi::CallbackInfo& info);
/** socketHungUp(fd): whether the peer is gone */
Napi::Value SocketHungUp(EnvState& state, const Napi::CallbackInfo& info);
/** noticeDeadPeers(seconds): for the TCP connections that there are now */
Napi::Value NoticeDeadPeersOf(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_HOST_H_
