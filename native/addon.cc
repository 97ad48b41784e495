// The addon's exports; lib/native.ts is their typed contract.
#include <cstdlib>

#include "bind/call_thread.h"
#include "bind/callback.h"
#include "bind/errors.h"
#include "bind/host.h"
#include "bind/kernels.h"
#include "bind/marker.h"
#include "bind/ndarray.h"
#include "bind/wrap.h"
#include "host/cpu_features.h"

namespace tvm_node {
namespace {

constexpr const char* kKindNames[kKinds] = {"object", "packedFunc", "module", "ndarray"};

std::string Text(Napi::Value value) { return value.As<Napi::String>().Utf8Value(); }

using Method = Napi::Value (*)(EnvState&, const Napi::CallbackInfo&);

template <Method method>
Napi::Value Guarded(const Napi::CallbackInfo& info) {
  EnvState& state = EnvState::Of(info.Env());
  return Guard(state, [&] { return method(state, info); });
}

Napi::Value SetClasses(EnvState& state, const Napi::CallbackInfo& info) {
  auto classes = info[0].As<Napi::Object>();
  for (int i = 0; i < kKinds; i++)
    state.classes[i] = Napi::Persistent(classes.Get(kKindNames[i]).As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value SetErrorFactory(EnvState& state, const Napi::CallbackInfo& info) {
  state.make_error = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value SetObjectClass(EnvState& state, const Napi::CallbackInfo& info) {
  unsigned index = 0;
  if (Library::Api().TVMObjectTypeKey2Index(Text(info[0]).c_str(), &index) != 0)
    return Napi::Boolean::New(info.Env(), false);
  state.object_classes[index] = Napi::Persistent(info[1].As<Napi::Function>());
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value Open(EnvState&, const Napi::CallbackInfo& info) {
  std::vector<std::string> preload;
  auto list = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) preload.push_back(Text(list.Get(i)));
  Library::Open(Text(info[0]), preload);
  return info.Env().Undefined();
}

Napi::Value OpenedPath(EnvState&, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), Library::OpenedPath());
}

Napi::Value LoadedLibraries(EnvState&, const Napi::CallbackInfo& info) {
  const auto paths = Library::Loaded();
  Napi::Array list = Napi::Array::New(info.Env(), paths.size());
  for (size_t i = 0; i < paths.size(); i++) list.Set(static_cast<uint32_t>(i), paths[i]);
  return list;
}

Napi::Value GetGlobal(EnvState& state, const Napi::CallbackInfo& info) {
  void* function = nullptr;
  Check(Library::Api().TVMFuncGetGlobal(Text(info[0]).c_str(), &function));
  if (!function) return info.Env().Null();
  return Wrap(state, std::make_shared<Handle>(Kind::kPackedFunc, function));
}

Napi::Value RegisterGlobal(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr function = Expect(state, info[1], Kind::kPackedFunc);
  Check(Library::Api().TVMFuncRegisterGlobal(Text(info[0]).c_str(), function->get(),
                                             info[2].As<Napi::Boolean>().Value()));
  return info.Env().Undefined();
}

Napi::Value RemoveGlobal(EnvState&, const Napi::CallbackInfo& info) {
  Check(Library::Api().TVMFuncRemoveGlobal(Text(info[0]).c_str()));
  return info.Env().Undefined();
}

Napi::Value ListGlobals(EnvState&, const Napi::CallbackInfo& info) {
  int count = 0;
  const char** names = nullptr;
  Check(Library::Api().TVMFuncListGlobalNames(&count, &names));
  Napi::Array list = Napi::Array::New(info.Env(), count);
  for (int i = 0; i < count; i++)
    list.Set(static_cast<uint32_t>(i), Napi::String::New(info.Env(), names[i]));
  return list;
}

Napi::Value MakeFunc(EnvState& state, const Napi::CallbackInfo& info) {
  return Wrap(state, MakeCallback(state, info[0].As<Napi::Function>()));
}

Napi::Value TypeKey(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr object = Expect(state, info[0], Kind::kObject);
  unsigned index = 0;
  char* key = nullptr;
  Check(Library::Api().TVMObjectGetTypeIndex(object->get(), &index));
  Check(Library::Api().TVMObjectTypeIndex2Key(index, &key));
  Napi::String text = Napi::String::New(info.Env(), key);
  free(key);
  return text;
}

Napi::Value TypeIndex(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr object = Expect(state, info[0], Kind::kObject);
  unsigned index = 0;
  Check(Library::Api().TVMObjectGetTypeIndex(object->get(), &index));
  return Napi::Number::New(info.Env(), index);
}

Napi::Value SameHandle(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr a = Unwrap(state, info[0]);
  HandlePtr b = Unwrap(state, info[1]);
  return Napi::Boolean::New(info.Env(), a && b && a->get() == b->get());
}

Napi::Value Address(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr handle = Unwrap(state, info[0]);
  if (!handle) throw CodedError("ERR_INVALID_ARGUMENT", "expected a handle");
  return Napi::Number::New(info.Env(),
                           static_cast<double>(reinterpret_cast<uintptr_t>(handle->get())));
}

Napi::Value DisposeHandle(EnvState& state, const Napi::CallbackInfo& info) {
  Dispose(state, info[0]);
  return info.Env().Undefined();
}

Napi::Value HandleDisposed(EnvState& state, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), IsDisposed(state, info[0]));
}

Napi::Value HandleCounts(EnvState&, const Napi::CallbackInfo& info) {
  Napi::Object counts = Napi::Object::New(info.Env());
  for (int i = 0; i < kKinds; i++)
    counts.Set(kKindNames[i], static_cast<double>(LiveHandles(static_cast<Kind>(i))));
  return counts;
}

Napi::Value ModuleGetFunction(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr module = Expect(state, info[0], Kind::kModule);
  void* function = nullptr;
  Check(Library::Api().TVMModGetFunction(module->get(), Text(info[1]).c_str(),
                                         info[2].As<Napi::Boolean>().Value(), &function));
  if (!function) return info.Env().Null();
  return Wrap(state, std::make_shared<Handle>(Kind::kPackedFunc, function));
}

Napi::Value ModuleImport(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr module = Expect(state, info[0], Kind::kModule);
  HandlePtr dependency = Expect(state, info[1], Kind::kModule);
  Check(Library::Api().TVMModImport(module->get(), dependency->get()));
  return info.Env().Undefined();
}

Napi::Value ModuleLoad(EnvState& state, const Napi::CallbackInfo& info) {
  void* module = nullptr;
  Check(Library::Api().TVMModLoadFromFile(Text(info[0]).c_str(), Text(info[1]).c_str(), &module));
  return Wrap(state, std::make_shared<Handle>(Kind::kModule, module));
}

Napi::Value FloatMarker(EnvState& state, const Napi::CallbackInfo& info) {
  TVMValue value{};
  value.v_float64 = info[0].As<Napi::Number>().DoubleValue();
  return WrapMarker(state, {TypeCode::kFloat, value});
}

Napi::Value DataTypeMarker(EnvState& state, const Napi::CallbackInfo& info) {
  TVMValue value{};
  value.v_type = {static_cast<uint8_t>(info[0].As<Napi::Number>().Uint32Value()),
                  static_cast<uint8_t>(info[1].As<Napi::Number>().Uint32Value()),
                  static_cast<uint16_t>(info[2].As<Napi::Number>().Uint32Value())};
  return WrapMarker(state, {TypeCode::kDataType, value});
}

Napi::Value DeviceMarker(EnvState& state, const Napi::CallbackInfo& info) {
  TVMValue value{};
  value.v_device = {info[0].As<Napi::Number>().Int32Value(),
                    info[1].As<Napi::Number>().Int32Value()};
  return WrapMarker(state, {TypeCode::kDevice, value});
}

Napi::Value HostCpuFeatures(EnvState&, const Napi::CallbackInfo& info) {
  const auto features = CpuFeatures();
  Napi::Array list = Napi::Array::New(info.Env(), features.size());
  for (size_t i = 0; i < features.size(); i++) list.Set(static_cast<uint32_t>(i), features[i]);
  return list;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  EnvState::Install(env);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("setErrorFactory", Guarded<SetErrorFactory>);
  add("setClasses", Guarded<SetClasses>);
  add("setObjectClass", Guarded<SetObjectClass>);
  add("open", Guarded<Open>);
  add("openedPath", Guarded<OpenedPath>);
  add("loadedLibraries", Guarded<LoadedLibraries>);
  add("getGlobal", Guarded<GetGlobal>);
  add("registerGlobal", Guarded<RegisterGlobal>);
  add("removeGlobal", Guarded<RemoveGlobal>);
  add("listGlobals", Guarded<ListGlobals>);
  add("makeFunc", Guarded<MakeFunc>);
  add("typeKey", Guarded<TypeKey>);
  add("typeIndex", Guarded<TypeIndex>);
  add("sameHandle", Guarded<SameHandle>);
  add("address", Guarded<Address>);
  add("dispose", Guarded<DisposeHandle>);
  add("isDisposed", Guarded<HandleDisposed>);
  add("handleCounts", Guarded<HandleCounts>);
  add("moduleGetFunction", Guarded<ModuleGetFunction>);
  add("moduleImport", Guarded<ModuleImport>);
  add("moduleLoad", Guarded<ModuleLoad>);
  add("cpuFeatures", Guarded<HostCpuFeatures>);
  add("float", Guarded<FloatMarker>);
  add("dataType", Guarded<DataTypeMarker>);
  add("device", Guarded<DeviceMarker>);
  add("arrayEmpty", Guarded<ArrayEmpty>);
  add("arrayFrom", Guarded<ArrayFrom>);
  add("arrayInfo", Guarded<ArrayInfo>);
  add("arrayCopyTo", Guarded<ArrayCopyTo>);
  add("arrayCopyFrom", Guarded<ArrayCopyFrom>);
  add("viewAddress", Guarded<ViewAddress>);
  add("newThread", Guarded<NewThread>);
  add("callOn", Guarded<CallOn>);
  add("closeThread", Guarded<CloseThread>);
  add("cpuFeatures", Guarded<CpuFeaturesOf>);
  add("sharedMemoryCreate", Guarded<SharedMemoryCreate>);
  add("sharedMemoryOpen", Guarded<SharedMemoryOpen>);
  add("sharedMemoryUnlink", Guarded<SharedMemoryUnlink>);
  add("stridedCopy", Guarded<StridedCopyOf>);
  add("binary", Guarded<BinaryOf>);
  add("unary", Guarded<UnaryOf>);
  add("castElements", Guarded<CastOf>);
  return exports;
}

NODE_API_MODULE(tvm_node, Init)

}  // namespace
}  // namespace tvm_node
