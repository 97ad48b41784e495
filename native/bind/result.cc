#include "result.h"

#include <algorithm>

#include "../tvm/tensor.h"
#include "wrap.h"

namespace tvm_node {
namespace {

constexpr int64_t kLargestExact = (int64_t{1} << 53) - 1;

Napi::Value Integer(Napi::Env env, int64_t value) {
  if (value >= -kLargestExact && value <= kLargestExact)
    return Napi::Number::New(env, static_cast<double>(value));
  return Napi::BigInt::New(env, value);
}

}  // namespace

Napi::Value ToJs(EnvState& state, OwnedValue owned) {
  Napi::Env env = state.env();
  switch (owned.code) {
    case TypeCode::kNull:
      return env.Null();
    case TypeCode::kInt:
    case TypeCode::kUInt:
      return Integer(env, owned.value.v_int64);
    case TypeCode::kBool:
      return Napi::Boolean::New(env, owned.value.v_int64 != 0);
    case TypeCode::kFloat:
      return Napi::Number::New(env, owned.value.v_float64);
    case TypeCode::kStr:
      return Napi::String::New(env, owned.text);
    case TypeCode::kBytes: {
      auto bytes = Napi::Uint8Array::New(env, owned.text.size());
      std::copy(owned.text.begin(), owned.text.end(), bytes.Data());
      return bytes;
    }
    case TypeCode::kOpaque:
      return Napi::BigInt::New(
          env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(owned.value.v_handle)));
    case TypeCode::kDevice: {
      Napi::Object device = Napi::Object::New(env);
      device.Set("type", owned.value.v_device.type);
      device.Set("id", owned.value.v_device.id);
      return device;
    }
    case TypeCode::kObject:
      if (IsString(*owned.handle)) return Napi::String::New(env, ReadString(*owned.handle));
      return Wrap(state, std::move(owned.handle));
    case TypeCode::kNDArray: {
      // Whether others hold the array too cannot be known: then its memory is counted for each.
      const DLTensor& tensor = *owned.handle->tensor();
      const size_t memory = tensor.device.type == kCpu ? ByteSize(tensor) : 0;
      return Wrap(state, std::move(owned.handle), memory);
    }
    case TypeCode::kModule:
    case TypeCode::kPackedFunc:
      return Wrap(state, std::move(owned.handle));
    default:
      throw CodedError("ERR_TVM", "the library returned a value of unknown type code " +
                                      std::to_string(owned.code));
  }
}

}  // namespace tvm_node
