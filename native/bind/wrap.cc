#include "wrap.h"

#include "arguments.h"
#include "errors.h"
#include "result.h"

namespace tvm_node {
namespace {

constexpr const char* kExpected[kKinds] = {"an object of the library", "a packed function",
                                           "a module", "an array of the library"};

// What a JavaScript object wraps. It lives until the collector takes the object; its handle may go
// earlier.
struct Box {
  std::shared_ptr<EnvState> state;
  HandlePtr handle;
  // Bytes that the collector was told of.
  int64_t memory = 0;
};

void Release(Box* box) {
  box->handle.reset();
  if (box->memory == 0) return;
  int64_t total = 0;
  napi_adjust_external_memory(box->state->env(), -box->memory, &total);
  box->memory = 0;
}

void Finalize(napi_env, void* data, void*) {
  auto* box = static_cast<Box*>(data);
  box->state->wrapped.erase(box);
  if (box->state->alive()) {
    // A remote object's release talks to its server; a foreign thread must not wait for us
    // meanwhile.
    EnvState::SyncCall call(*box->state);
    Release(box);
  }
  delete box;
}

Box* BoxOf(EnvState& state, napi_value value) {
  void* data = nullptr;
  if (napi_unwrap(state.env(), value, &data) != napi_ok || state.wrapped.count(data) == 0)
    return nullptr;
  return static_cast<Box*>(data);
}

napi_value CallFunction(napi_env env, napi_callback_info info) {
  constexpr size_t kUsual = 12;
  napi_value inline_arguments[kUsual];
  std::vector<napi_value> more;
  napi_value* given = inline_arguments;
  size_t count = kUsual;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, given, nullptr, &data);
  if (count > kUsual) {
    more.resize(count);
    given = more.data();
    napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  }
  auto* box = static_cast<Box*>(data);
  EnvState& state = *box->state;
  return Entry(state, [&]() -> napi_value {
    // A copy: the function may be disposed of while it runs.
    const HandlePtr function = box->handle;
    if (!function) throw CodedError("ERR_DISPOSED", "this packed function was disposed");
    Arguments arguments(state);
    for (size_t i = 0; i < count; i++) arguments.Add(Napi::Value(env, given[i]));
    return ToJs(state, CallPacked(function->get(), arguments.values(), arguments.codes(),
                                  arguments.size()));
  });
}

// Types are asked for by number: the library has numbers only for types that it has, and refuses
// names of others slowly.
Napi::FunctionReference* ClassOf(EnvState& state, unsigned index) {
  const auto known = state.known_classes.find(index);
  if (known != state.known_classes.end()) return known->second;
  const auto found = state.object_classes.find(TypeKeyOf(index));
  auto* object_class = found == state.object_classes.end() ? nullptr : &found->second;
  state.known_classes.emplace(index, object_class);
  return object_class;
}

Napi::Object MakeObject(EnvState& state, const Handle& handle, Box* box) {
  Napi::Env env = state.env();
  const auto& kind_class = state.classes[static_cast<int>(handle.kind())];
  if (handle.kind() == Kind::kPackedFunc) {
    napi_value function = nullptr;
    const napi_status made = napi_create_function(env, nullptr, 0, CallFunction, box, &function);
    if (made != napi_ok) throw Napi::Error::New(env);
    CallJs(state, state.set_prototype_of.Value(), {function, kind_class.Value().Get("prototype")});
    return Napi::Object(env, function);
  }
  if (handle.kind() == Kind::kObject) {
    auto* object_class = ClassOf(state, TypeIndexOf(handle));
    if (object_class) return NewJs(state, *object_class);
  }
  return NewJs(state, kind_class);
}

}  // namespace

Napi::Value Wrap(EnvState& state, HandlePtr handle, size_t memory) {
  auto box = std::make_unique<Box>();
  box->state = state.shared_from_this();
  Napi::Object object = MakeObject(state, *handle, box.get());
  if (memory > 0) {
    box->memory = static_cast<int64_t>(memory);
    int64_t total = 0;
    napi_adjust_external_memory(state.env(), box->memory, &total);
  }
  box->handle = std::move(handle);
  if (napi_wrap(state.env(), object, box.get(), Finalize, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(state.env());
  state.wrapped.insert(box.release());
  return object;
}

HandlePtr Unwrap(EnvState& state, napi_value value) {
  Box* box = BoxOf(state, value);
  if (!box) return nullptr;
  if (!box->handle) throw CodedError("ERR_DISPOSED", "this handle was disposed");
  return box->handle;
}

HandlePtr Expect(EnvState& state, Napi::Value value, Kind kind) {
  HandlePtr handle = value.IsObject() || value.IsFunction() ? Unwrap(state, value) : nullptr;
  if (!handle || handle->kind() != kind) {
    throw CodedError("ERR_INVALID_ARGUMENT",
                     std::string("expected ") + kExpected[static_cast<int>(kind)]);
  }
  return handle;
}

void Dispose(EnvState& state, Napi::Value value) {
  if (Box* box = BoxOf(state, value)) Release(box);
}

bool IsDisposed(EnvState& state, Napi::Value value) {
  Box* box = BoxOf(state, value);
  return !box || !box->handle;
}

}  // namespace tvm_node
