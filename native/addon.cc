// The addon's exports; lib/native.ts is their typed contract.
#include <cstdlib>

#include "bind/booster.h"
#include "bind/call_thread.h"
#include "bind/callback.h"
#include "bind/errors.h"
#include "bind/host.h"
#include "bind/kernels.h"
#include "bind/line.h"
#include "bind/marker.h"
#include "bind/ndarray.h"
#include "bind/wrap.h"

namespace tvm_node {
namespace {

constexpr const char* kKindNames[kKinds] = {"object", "packedFunc", "module", "ndarray"};

std::string Text(Napi::Value value) { return value.As<Napi::String>().Utf8Value(); }

using Method = Napi::Value (*)(EnvState&, const Napi::CallbackInfo&);

template <Method method>
napi_value Call(napi_env env, napi_callback_info raw) {
  Napi::CallbackInfo info(env, raw);
  EnvState& state = EnvState::Of(env);
  return Entry(state, [&]() -> napi_value { return method(state, info); });
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
  state.object_classes[Text(info[0])] = Napi::Persistent(info[1].As<Napi::Function>());
  state.known_classes.clear();
  return info.Env().Undefined();
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
  return Napi::String::New(info.Env(), TypeKeyOf(TypeIndexOf(*object)));
}

Napi::Value TypeIndex(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr object = Expect(state, info[0], Kind::kObject);
  return Napi::Number::New(info.Env(), TypeIndexOf(*object));
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

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  EnvState::Install(env);
  const auto add = [&](const char* name, napi_callback function) {
    napi_value made = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &made);
    exports.Set(name, made);
  };
  add("setErrorFactory", Call<SetErrorFactory>);
  add("setClasses", Call<SetClasses>);
  add("setObjectClass", Call<SetObjectClass>);
  add("open", Call<Open>);
  add("openedPath", Call<OpenedPath>);
  add("loadedLibraries", Call<LoadedLibraries>);
  add("getGlobal", Call<GetGlobal>);
  add("registerGlobal", Call<RegisterGlobal>);
  add("removeGlobal", Call<RemoveGlobal>);
  add("listGlobals", Call<ListGlobals>);
  add("makeFunc", Call<MakeFunc>);
  add("typeKey", Call<TypeKey>);
  add("typeIndex", Call<TypeIndex>);
  add("sameHandle", Call<SameHandle>);
  add("address", Call<Address>);
  add("dispose", Call<DisposeHandle>);
  add("isDisposed", Call<HandleDisposed>);
  add("handleCounts", Call<HandleCounts>);
  add("moduleGetFunction", Call<ModuleGetFunction>);
  add("moduleImport", Call<ModuleImport>);
  add("moduleLoad", Call<ModuleLoad>);
  add("float", Call<FloatMarker>);
  add("dataType", Call<DataTypeMarker>);
  add("device", Call<DeviceMarker>);
  add("arrayEmpty", Call<ArrayEmpty>);
  add("arrayFrom", Call<ArrayFrom>);
  add("arrayInfo", Call<ArrayInfo>);
  add("arrayCopyTo", Call<ArrayCopyTo>);
  add("arrayCopyFrom", Call<ArrayCopyFrom>);
  add("viewAddress", Call<ViewAddress>);
  add("copyToAddress", Call<CopyToAddress>);
  add("newThread", Call<NewThread>);
  add("callOn", Call<CallOn>);
  add("callHere", Call<CallHere>);
  add("closeThread", Call<CloseThread>);
  add("adoptLoops", Call<AdoptLoops>);
  add("cpuFeatures", Call<CpuFeaturesOf>);
  add("endWithParent", Call<EndWithParent>);
  add("openMemoryFile", Call<OpenMemoryFile>);
  add("closeMemoryFile", Call<CloseMemoryFile>);
  add("mapMemoryFile", Call<MapMemoryFile>);
  add("socketBlocking", Call<SocketBlocking>);
  add("socketDuplicate", Call<SocketDuplicate>);
  add("socketHungUp", Call<SocketHungUp>);
  add("noticeDeadPeers", Call<NoticeDeadPeersOf>);
  add("linePair", Call<LinePair>);
  add("lineConnect", Call<LineConnect>);
  add("lineSerial", Call<LineSerial>);
  add("lineOpen", Call<LineOpen>);
  add("lineFunctions", Call<LineFunctions>);
  add("lineFlush", Call<LineFlush>);
  add("lineClose", Call<LineClose>);
  add("closeDescriptor", Call<CloseDescriptor>);
  add("stridedCopy", Call<StridedCopyOf>);
  add("binary", Call<BinaryOf>);
  add("unary", Call<UnaryOf>);
  add("castElements", Call<CastOf>);
  add("xgboostOpen", Call<XGBoostOpen>);
  add("boosterCreate", Call<BoosterCreate>);
  add("boosterTrain", Call<BoosterTrain>);
  add("boosterTrainSums", Call<BoosterTrainSums>);
  add("boosterPredict", Call<BoosterPredict>);
  add("boosterSave", Call<BoosterSave>);
  add("boosterLoad", Call<BoosterLoad>);
  return exports;
}

NODE_API_MODULE(tvm_node, Init)

}  // namespace
}  // namespace tvm_node
