#include "convert.h"

#include <cmath>
#include <cstring>

namespace tvm_node {
namespace {

constexpr napi_type_tag kHandleTag = {0x7476b0de00000001ull, 0x9d1c56f2a84e11eeull};
constexpr napi_type_tag kMarkerTag = {0x7476b0de00000002ull, 0x3a7be0c1a84f11eeull};
constexpr double kLargestExact = 9007199254740991.0;

struct Box {
  HandlePtr handle;
};

struct Marker {
  int code;
  TVMValue value;
  std::string text;
};

bool HasTag(Napi::Env env, napi_value value, const napi_type_tag& tag) {
  bool tagged = false;
  return napi_check_object_type_tag(env, value, &tag, &tagged) == napi_ok && tagged;
}

Box* BoxOf(Napi::Value value) {
  const napi_valuetype type = value.Type();
  if ((type != napi_object && type != napi_function) || !HasTag(value.Env(), value, kHandleTag)) return nullptr;
  void* data = nullptr;
  if (napi_unwrap(value.Env(), value, &data) != napi_ok) return nullptr;
  return static_cast<Box*>(data);
}

void* Global(const char* name) {
  void* function = nullptr;
  Check(Library::Api().TVMFuncGetGlobal(name, &function));
  if (!function) throw CodedError("ERR_UNKNOWN_FUNCTION", std::string("the library has no function ") + name);
  return function;
}

void* ArrayFunction() {
  static void* function = Global("runtime.Array");
  return function;
}

void* MapFunction() {
  static void* function = Global("runtime.Map");
  return function;
}

void* StringReader() {
  static void* function = Global("runtime.GetFFIString");
  return function;
}

unsigned StringIndex() {
  static unsigned index = [] {
    unsigned value = 0;
    Check(Library::Api().TVMObjectTypeKey2Index("runtime.String", &value));
    return value;
  }();
  return index;
}

bool IsPlainObject(Napi::Object object) {
  napi_value prototype = nullptr;
  napi_get_prototype(object.Env(), object, &prototype);
  Napi::Value value(object.Env(), prototype);
  if (value.IsNull()) return true;
  return value.As<Napi::Object>().Get("constructor").StrictEquals(object.Env().Global().Get("Object"));
}

}  // namespace

// ---- handles ----

Napi::Value WrapHandle(EnvState& state, Kind kind, void* pointer) {
  auto handle = std::make_shared<Handle>(kind, pointer);
  Napi::Env env = state.env();
  Napi::Object object;
  if (kind == Kind::kPackedFunc) {
    object = Napi::Function::New(env, [handle = std::weak_ptr<Handle>(handle)](const Napi::CallbackInfo& info) {
      EnvState& env_state = EnvState::Of(info.Env());
      return Guard(env_state, [&]() -> Napi::Value {
        HandlePtr function = handle.lock();
        if (!function) throw CodedError("ERR_DISPOSED", "this packed function was disposed");
        Arguments arguments(env_state);
        const size_t count = info.Length();
        arguments.Reserve(count);
        for (size_t i = 0; i < count; i++) arguments.Add(info[i]);
        EnvState::SyncCall sync(env_state);
        return CallPacked(function->get(), arguments).ToJs(env_state);
      });
    });
    Napi::Object prototype = state.classes[static_cast<int>(kind)].Value().Get("prototype").As<Napi::Object>();
    env.Global().Get("Object").As<Napi::Object>().Get("setPrototypeOf").As<Napi::Function>().Call({object, prototype});
  } else {
    Napi::FunctionReference* maker = &state.classes[static_cast<int>(kind)];
    if (kind == Kind::kObject) {
      unsigned index = 0;
      Check(Library::Api().TVMObjectGetTypeIndex(pointer, &index));
      auto found = state.object_classes.find(index);
      if (found != state.object_classes.end()) maker = &found->second;
    }
    object = maker->New({});
  }
  auto* box = new Box{std::move(handle)};
  napi_wrap(env, object, box, [](napi_env, void* data, void*) { delete static_cast<Box*>(data); }, nullptr, nullptr);
  napi_type_tag_object(env, object, &kHandleTag);
  return object;
}

HandlePtr Unwrap(Napi::Value value) {
  Box* box = BoxOf(value);
  if (!box) return nullptr;
  if (!box->handle) throw CodedError("ERR_DISPOSED", "this handle was disposed");
  return box->handle;
}

HandlePtr Expect(Napi::Value value, Kind kind, const char* what) {
  HandlePtr handle = Unwrap(value);
  if (!handle || handle->kind() != kind) throw CodedError("ERR_INVALID_ARGUMENT", std::string("expected ") + what);
  return handle;
}

void Dispose(Napi::Value value) {
  if (Box* box = BoxOf(value)) box->handle.reset();
}

bool IsDisposed(Napi::Value value) {
  Box* box = BoxOf(value);
  return !box || !box->handle;
}

Napi::Value MakeMarker(Napi::Env env, int code, TVMValue value, std::string text) {
  Napi::Object object = Napi::Object::New(env);
  auto* marker = new Marker{code, value, std::move(text)};
  napi_wrap(env, object, marker, [](napi_env, void* data, void*) { delete static_cast<Marker*>(data); }, nullptr, nullptr);
  napi_type_tag_object(env, object, &kMarkerTag);
  return object;
}

// ---- arguments ----

void Arguments::Reserve(size_t count) {
  values_.reserve(count);
  codes_.reserve(count);
}

void Arguments::Push(int code, TVMValue value) {
  values_.push_back(value);
  codes_.push_back(code);
}

void Arguments::AddHandle(HandlePtr handle) {
  TVMValue value{};
  value.v_handle = handle->get();
  Push(handle->type_code(), value);
  handles_.push_back(std::move(handle));
}

void Arguments::Add(Napi::Value js) {
  TVMValue value{};
  switch (js.Type()) {
    case napi_undefined:
    case napi_null:
      return Push(TypeCode::kNull, value);
    case napi_boolean:
      value.v_int64 = js.As<Napi::Boolean>().Value() ? 1 : 0;
      return Push(TypeCode::kBool, value);
    case napi_number: {
      const double number = js.As<Napi::Number>().DoubleValue();
      if (std::trunc(number) == number && std::fabs(number) <= kLargestExact) {
        value.v_int64 = static_cast<int64_t>(number);
        return Push(TypeCode::kInt, value);
      }
      value.v_float64 = number;
      return Push(TypeCode::kFloat, value);
    }
    case napi_bigint: {
      bool lossless = false;
      value.v_int64 = js.As<Napi::BigInt>().Int64Value(&lossless);
      if (!lossless) throw CodedError("ERR_INVALID_ARGUMENT", "an integer argument must fit in 64 bits with sign");
      return Push(TypeCode::kInt, value);
    }
    case napi_string: {
      strings_.push_back(js.As<Napi::String>().Utf8Value());
      if (strings_.back().find('\0') != std::string::npos) {
        throw CodedError("ERR_INVALID_ARGUMENT", "a string argument must not hold NUL; pass a Uint8Array");
      }
      value.v_str = strings_.back().c_str();
      return Push(TypeCode::kStr, value);
    }
    case napi_function:
      if (HandlePtr handle = Unwrap(js)) return AddHandle(std::move(handle));
      return AddHandle(std::make_shared<Handle>(Kind::kPackedFunc, MakeCallback(state_, js.As<Napi::Function>())));
    case napi_object:
      return AddObject(js.As<Napi::Object>());
    default:
      throw CodedError("ERR_INVALID_ARGUMENT", "a symbol or external value cannot be an argument");
  }
}

void Arguments::AddObject(Napi::Object object) {
  TVMValue value{};
  if (HandlePtr handle = Unwrap(object)) return AddHandle(std::move(handle));
  if (HasTag(object.Env(), object, kMarkerTag)) {
    void* data = nullptr;
    napi_unwrap(object.Env(), object, &data);
    auto* marker = static_cast<Marker*>(data);
    if (marker->code != TypeCode::kStr) return Push(marker->code, marker->value);
    strings_.push_back(marker->text);
    value.v_str = strings_.back().c_str();
    return Push(TypeCode::kStr, value);
  }
  Arguments items(state_);
  if (object.IsArray()) {
    auto array = object.As<Napi::Array>();
    items.Reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); i++) items.Add(array.Get(i));
    return AddHandle(std::make_shared<Handle>(Kind::kObject, CallPacked(ArrayFunction(), items).value.v_handle));
  }
  if (object.IsTypedArray() && object.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    auto bytes = object.As<Napi::Uint8Array>();
    byte_arrays_.push_back({reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()});
    value.v_handle = &byte_arrays_.back();
    return Push(TypeCode::kBytes, value);
  }
  Napi::Array entries;
  if (object.InstanceOf(object.Env().Global().Get("Map").As<Napi::Function>())) {
    entries = object.Env().Global().Get("Array").As<Napi::Object>().Get("from").As<Napi::Function>().Call({object}).As<Napi::Array>();
  } else if (IsPlainObject(object)) {
    entries = object.Env().Global().Get("Object").As<Napi::Object>().Get("entries").As<Napi::Function>().Call({object}).As<Napi::Array>();
  } else {
    throw CodedError("ERR_INVALID_ARGUMENT", "an argument is an object of a class that the library knows nothing of");
  }
  items.Reserve(entries.Length() * 2);
  for (uint32_t i = 0; i < entries.Length(); i++) {
    auto pair = entries.Get(i).As<Napi::Array>();
    items.Add(pair.Get(0u));
    items.Add(pair.Get(1u));
  }
  AddHandle(std::make_shared<Handle>(Kind::kObject, CallPacked(MapFunction(), items).value.v_handle));
}

// ---- results ----

Result CallPacked(void* function, Arguments& arguments) {
  TVMValue value{};
  int code = TypeCode::kNull;
  Check(Library::Api().TVMFuncCall(function, arguments.values(), arguments.codes(), arguments.size(), &value, &code));
  return Result::Own(value, code);
}

Result Result::Own(TVMValue value, int code) {
  Result result;
  result.value = value;
  result.code = code;
  if (code == TypeCode::kStr) {
    result.text = value.v_str ? value.v_str : "";
  } else if (code == TypeCode::kBytes) {
    auto* bytes = static_cast<TVMByteArray*>(value.v_handle);
    result.text.assign(bytes->data, bytes->size);
  }
  return result;
}

Napi::Value Result::ToJs(EnvState& state) {
  Napi::Env env = state.env();
  switch (code) {
    case TypeCode::kNull:
      return env.Null();
    case TypeCode::kInt:
    case TypeCode::kUInt:
      if (std::llabs(value.v_int64) <= static_cast<int64_t>(kLargestExact)) {
        return Napi::Number::New(env, static_cast<double>(value.v_int64));
      }
      return Napi::BigInt::New(env, value.v_int64);
    case TypeCode::kBool:
      return Napi::Boolean::New(env, value.v_int64 != 0);
    case TypeCode::kFloat:
      return Napi::Number::New(env, value.v_float64);
    case TypeCode::kStr:
      return Napi::String::New(env, text);
    case TypeCode::kBytes:
      return Napi::Buffer<char>::Copy(env, text.data(), text.size());
    case TypeCode::kOpaque:
      return Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(value.v_handle)));
    case TypeCode::kDevice: {
      Napi::Object device = Napi::Object::New(env);
      device.Set("type", value.v_device.type);
      device.Set("id", value.v_device.id);
      return device;
    }
    case TypeCode::kObject: {
      unsigned index = 0;
      Check(Library::Api().TVMObjectGetTypeIndex(value.v_handle, &index));
      if (index != StringIndex()) return WrapHandle(state, Kind::kObject, value.v_handle);
      Handle string(Kind::kObject, value.v_handle);
      TVMValue out{};
      int out_code = 0;
      int in_code = TypeCode::kObject;
      Check(Library::Api().TVMFuncCall(StringReader(), &value, &in_code, 1, &out, &out_code));
      return Napi::String::New(env, out.v_str);
    }
    case TypeCode::kModule:
      return WrapHandle(state, Kind::kModule, value.v_handle);
    case TypeCode::kPackedFunc:
      return WrapHandle(state, Kind::kPackedFunc, value.v_handle);
    case TypeCode::kNDArray:
      return WrapHandle(state, Kind::kNDArray, value.v_handle);
    default:
      throw CodedError("ERR_TVM", "the library returned a value of unknown type code " + std::to_string(code));
  }
}

// ---- errors ----

Napi::Error MakeTvmError(EnvState& state, std::string text, const std::string& backtrace) {
  Napi::Env env = state.env();
  Napi::Value cause = state.TakeThrown(&text);
  Napi::Value error = state.make_error.Call({Napi::String::New(env, "ERR_TVM"), Napi::String::New(env, text),
                                             Napi::String::New(env, backtrace),
                                             cause.IsEmpty() ? env.Undefined() : cause});
  return Napi::Error(env, error);
}

Napi::Error MakeCodedError(EnvState& state, const std::string& code, const std::string& message) {
  Napi::Env env = state.env();
  if (state.make_error.IsEmpty()) return Napi::Error::New(env, message);
  return Napi::Error(env, state.make_error.Call({Napi::String::New(env, code), Napi::String::New(env, message)}));
}

Napi::Value Guard(EnvState& state, const std::function<Napi::Value()>& body) {
  try {
    return body();
  } catch (const TvmError& error) {
    throw MakeTvmError(state, error.what(), error.backtrace);
  } catch (const CodedError& error) {
    throw MakeCodedError(state, error.code, error.what());
  }
}

}  // namespace tvm_node
