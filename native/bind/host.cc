#include "host.h"

#ifdef __linux__
#include <sys/prctl.h>

#include <csignal>
#endif

#include "../host/cpu_features.h"
#include "../host/shared_memory.h"
#include "../host/socket.h"

namespace tvm_node {
namespace {

// The buffer keeps the mapping until the collector takes it.
Napi::ArrayBuffer BufferOver(Napi::Env env, SharedMemory memory) {
  auto* held = new SharedMemory(std::move(memory));
  return Napi::ArrayBuffer::New(
      env, held->data(), held->size(),
      [](Napi::Env, void*, SharedMemory* mapping) { delete mapping; }, held);
}

}  // namespace

Napi::Value CpuFeaturesOf(EnvState&, const Napi::CallbackInfo& info) {
  const auto features = CpuFeatures();
  Napi::Array list = Napi::Array::New(info.Env(), features.size());
  for (size_t i = 0; i < features.size(); i++) list.Set(static_cast<uint32_t>(i), features[i]);
  return list;
}

Napi::Value OpenMemoryFile(EnvState&, const Napi::CallbackInfo& info) {
  auto* file = new MemoryFile();
  const int descriptor = file->descriptor();
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, Napi::External<MemoryFile>::New(info.Env(), file,
                                                 [](Napi::Env, MemoryFile* held) { delete held; }));
  result.Set(1u, descriptor);
  return result;
}

Napi::Value CloseMemoryFile(EnvState&, const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) throw CodedError("ERR_INVALID_ARGUMENT", "expected a memory file");
  info[0].As<Napi::External<MemoryFile>>().Data()->Close();
  return info.Env().Undefined();
}

Napi::Value MapMemoryFile(EnvState&, const Napi::CallbackInfo& info) {
  const double size = info[1].As<Napi::Number>().DoubleValue();
  if (!(size >= 1)) throw CodedError("ERR_INVALID_ARGUMENT", "shared memory needs a size above 0");
  const int descriptor = info[0].As<Napi::Number>().Int32Value();
  return BufferOver(info.Env(), SharedMemory(descriptor, static_cast<size_t>(size)));
}

Napi::Value EndWithParent(EnvState&, const Napi::CallbackInfo& info) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  return info.Env().Undefined();
}

Napi::Value SocketBlocking(EnvState&, const Napi::CallbackInfo& info) {
  SetBlocking(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

Napi::Value SocketDuplicate(EnvState&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Duplicate(info[0].As<Napi::Number>().Int32Value()));
}

Napi::Value SocketHungUp(EnvState&, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), IsHungUp(info[0].As<Napi::Number>().Int32Value()));
}

Napi::Value NoticeDeadPeersOf(EnvState&, const Napi::CallbackInfo& info) {
  NoticeDeadPeers(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

}  // namespace tvm_node
