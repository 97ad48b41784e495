// The machine's own facilities: processor features, shared memory and sockets.
#ifndef TVM_NODE_BIND_HOST_H_
#define TVM_NODE_BIND_HOST_H_

#include "env_state.h"

namespace tvm_node {

Napi::Value CpuFeaturesOf(EnvState& state, const Napi::CallbackInfo& info);
/** endWithParent(): the system kills this process when the thread that started it ends (Linux). */
Napi::Value EndWithParent(EnvState& state, const Napi::CallbackInfo& info);
/** sharedMemoryCreate(size): { name, buffer } */
Napi::Value SharedMemoryCreate(EnvState& state, const Napi::CallbackInfo& info);
/** sharedMemoryOpen(name, size): the buffer. The name is gone afterwards. */
Napi::Value SharedMemoryOpen(EnvState& state, const Napi::CallbackInfo& info);
/** sharedMemoryUnlink(name): for a name that nobody opened. */
Napi::Value SharedMemoryUnlink(EnvState& state, const Napi::CallbackInfo& info);
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
