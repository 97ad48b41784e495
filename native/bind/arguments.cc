#include "arguments.h"

#include <cmath>

#include "../tvm/value.h"
#include "callback.h"
#include "marker.h"
#include "wrap.h"

namespace tvm_node {
namespace {

// Each level takes some of the thread's stack; a list that contains itself would take all of it.
constexpr int kDeepest = 200;
constexpr double kLargestExact = 9007199254740991.0;

// An object literal, also one of another realm, where `Object.prototype` is another object.
bool IsPlainObject(Napi::Object object) {
  Napi::Env env = object.Env();
  napi_value prototype = nullptr;
  napi_value next = nullptr;
  if (napi_get_prototype(env, object, &prototype) != napi_ok) throw Napi::Error::New(env);
  if (Napi::Value(env, prototype).IsNull()) return true;
  if (napi_get_prototype(env, prototype, &next) != napi_ok) throw Napi::Error::New(env);
  return Napi::Value(env, next).IsNull() &&
         Napi::Object(env, prototype).HasOwnProperty("hasOwnProperty");
}

Napi::Function GlobalMethod(Napi::Env env, const char* object, const char* name) {
  return env.Global().Get(object).As<Napi::Object>().Get(name).As<Napi::Function>();
}

}  // namespace

void Arguments::Push(int code, TVMValue value) {
  if (count_ < kInline) {
    values_[count_] = value;
    codes_[count_++] = code;
    return;
  }
  if (count_ == kInline) {
    more_values_.assign(values_, values_ + kInline);
    more_codes_.assign(codes_, codes_ + kInline);
  }
  more_values_.push_back(value);
  more_codes_.push_back(code);
  count_++;
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
    case napi_number:
      return AddNumber(js.As<Napi::Number>().DoubleValue());
    case napi_bigint: {
      bool lossless = false;
      value.v_int64 = js.As<Napi::BigInt>().Int64Value(&lossless);
      if (!lossless)
        throw CodedError("ERR_INVALID_ARGUMENT",
                         "an integer argument must fit in 64 bits with sign");
      return Push(TypeCode::kInt, value);
    }
    case napi_string:
      return AddString(js.As<Napi::String>().Utf8Value());
    case napi_function:
      if (HandlePtr handle = Unwrap(state_, js)) return AddHandle(std::move(handle));
      return AddHandle(MakeCallback(state_, js.As<Napi::Function>()));
    case napi_object:
      return AddObject(js.As<Napi::Object>());
    default:
      throw CodedError("ERR_INVALID_ARGUMENT",
                       "a symbol or external value cannot be an argument of a packed function");
  }
}

void Arguments::AddNumber(double number) {
  TVMValue value{};
  if (std::trunc(number) == number && std::fabs(number) <= kLargestExact) {
    value.v_int64 = static_cast<int64_t>(number);
    return Push(TypeCode::kInt, value);
  }
  value.v_float64 = number;
  Push(TypeCode::kFloat, value);
}

const std::string& Arguments::Keep(std::string text) {
  texts_.push_front(std::move(text));
  return texts_.front();
}

void Arguments::AddString(std::string text) {
  const std::string& kept = Keep(std::move(text));
  TVMValue value{};
  if (kept.find('\0') == std::string::npos) {
    value.v_str = kept.c_str();
    return Push(TypeCode::kStr, value);
  }
  // C strings end at a NUL; the library's own string object does not.
  static void* const make_string = RequiredGlobal("runtime.String");
  TVMByteArray bytes{kept.data(), kept.size()};
  value.v_handle = &bytes;
  int code = TypeCode::kBytes;
  AddHandle(CallPacked(make_string, &value, &code, 1).handle);
}

void Arguments::AddBytes(Napi::Uint8Array bytes) {
  const auto* data = reinterpret_cast<const char*>(bytes.Data());
  const size_t size = bytes.ByteLength();
  if (bytes_ == Bytes::kCopied) data = Keep(std::string(data, size)).data();
  byte_arrays_.push_front({data, size});
  TVMValue value{};
  value.v_handle = &byte_arrays_.front();
  Push(TypeCode::kBytes, value);
}

void Arguments::AddBuilt(void* make, Arguments& items) {
  AddHandle(CallPacked(make, items.values(), items.codes(), items.size()).handle);
}

void Arguments::AddObject(Napi::Object object) {
  if (HandlePtr handle = Unwrap(state_, object)) return AddHandle(std::move(handle));
  if (const Marker* marker = MarkerOf(state_, object)) return Push(marker->code, marker->value);
  if (depth_ == kDeepest) {
    throw CodedError("ERR_INVALID_ARGUMENT",
                     "an argument contains itself, or is nested deeper than " +
                         std::to_string(kDeepest) + " levels");
  }
  Arguments items(state_, Bytes::kBorrowed, depth_ + 1);
  if (object.IsArray()) {
    static void* const make_array = RequiredGlobal("runtime.Array");
    auto array = object.As<Napi::Array>();
    const uint32_t length = array.Length();
    for (uint32_t i = 0; i < length; i++) {
      Napi::HandleScope scope(state_.env());
      items.Add(array.Get(i));
    }
    return AddBuilt(make_array, items);
  }
  if (object.IsTypedArray() && object.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    return AddBytes(object.As<Napi::Uint8Array>());
  }
  Napi::Env env = state_.env();
  Napi::Array entries;
  if (object.InstanceOf(env.Global().Get("Map").As<Napi::Function>())) {
    entries = GlobalMethod(env, "Array", "from").Call({object}).As<Napi::Array>();
  } else if (IsPlainObject(object)) {
    entries = GlobalMethod(env, "Object", "entries").Call({object}).As<Napi::Array>();
  } else {
    throw CodedError(
        "ERR_INVALID_ARGUMENT",
        "an argument is an object of a class that the TVM library has no counterpart of");
  }
  const uint32_t length = entries.Length();
  for (uint32_t i = 0; i < length; i++) {
    Napi::HandleScope scope(env);
    Napi::Value entry = entries.Get(i);
    if (!entry.IsArray()) throw CodedError("ERR_INVALID_ARGUMENT", "a map must yield pairs");
    auto pair = entry.As<Napi::Array>();
    items.Add(pair.Get(0u));
    items.Add(pair.Get(1u));
  }
  static void* const make_map = RequiredGlobal("runtime.Map");
  AddBuilt(make_map, items);
}

}  // namespace tvm_node
