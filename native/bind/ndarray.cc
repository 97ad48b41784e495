#include "ndarray.h"

#include <cstring>

namespace tvm_node {
namespace {

constexpr size_t kAlignment = 64;

std::vector<int64_t> Shape(Napi::Value value) {
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> shape(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) shape[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return shape;
}

DLDataType Type(const Napi::CallbackInfo& info, size_t at) {
  return {static_cast<uint8_t>(info[at].As<Napi::Number>().Uint32Value()),
          static_cast<uint8_t>(info[at + 1].As<Napi::Number>().Uint32Value()),
          static_cast<uint16_t>(info[at + 2].As<Napi::Number>().Uint32Value())};
}

size_t ByteSize(const DLTensor& tensor) {
  size_t count = 1;
  for (int i = 0; i < tensor.ndim; i++) count *= static_cast<size_t>(tensor.shape[i]);
  return (count * tensor.dtype.bits * tensor.dtype.lanes + 7) / 8;
}

struct View {
  uint8_t* data;
  size_t size;
};

View ViewOf(Napi::Value value) {
  if (!value.IsTypedArray()) throw CodedError("ERR_INVALID_ARGUMENT", "expected a typed array");
  auto array = value.As<Napi::TypedArray>();
  return {static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
}

// Memory of a typed array lent to the library until the last array over it is gone.
struct Loan {
  DLManagedTensor managed{};
  std::vector<int64_t> shape;
  std::shared_ptr<EnvState> state;
  Napi::ObjectReference owner;
};

void EndLoan(DLManagedTensor* self) {
  auto* loan = static_cast<Loan*>(self->manager_ctx);
  auto state = loan->state;
  if (!state->alive()) {
    loan->owner.SuppressDestruct();
    delete loan;
  } else if (state->OnThread()) {
    delete loan;
  } else {
    state->Post([loan] { delete loan; });
  }
}

}  // namespace

Napi::Value ArrayEmpty(const Napi::CallbackInfo& info) {
  EnvState& state = EnvState::Of(info.Env());
  return Guard(state, [&]() -> Napi::Value {
    const auto shape = Shape(info[0]);
    const DLDataType type = Type(info, 1);
    DLTensor* array = nullptr;
    Check(Library::Api().TVMArrayAlloc(shape.data(), static_cast<int>(shape.size()), type.code, type.bits, type.lanes,
                                       info[4].As<Napi::Number>().Int32Value(), info[5].As<Napi::Number>().Int32Value(),
                                       &array));
    return WrapHandle(state, Kind::kNDArray, array);
  });
}

Napi::Value ArrayFrom(const Napi::CallbackInfo& info) {
  EnvState& state = EnvState::Of(info.Env());
  return Guard(state, [&]() -> Napi::Value {
    const View view = ViewOf(info[0]);
    auto loan = std::make_unique<Loan>();
    loan->shape = Shape(info[1]);
    DLTensor& tensor = loan->managed.tensor;
    tensor = {view.data, {1, 0}, static_cast<int32_t>(loan->shape.size()), Type(info, 2), loan->shape.data(), nullptr, 0};
    if (ByteSize(tensor) != view.size) throw CodedError("ERR_INVALID_ARGUMENT", "the shape needs another number of bytes than given");
    const CApi& api = Library::Api();
    DLTensor* array = nullptr;
    if (view.size > 0 && reinterpret_cast<uintptr_t>(view.data) % kAlignment == 0) {
      loan->state = state.shared_from_this();
      loan->owner = Napi::Persistent(info[0].As<Napi::Object>());
      loan->managed.manager_ctx = loan.get();
      loan->managed.deleter = EndLoan;
      Check(api.TVMArrayFromDLPack(&loan->managed, &array));
      loan.release();
    } else {
      Check(api.TVMArrayAlloc(tensor.shape, tensor.ndim, tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes, 1, 0, &array));
      if (view.size > 0) std::memcpy(array->data, view.data, view.size);
    }
    return WrapHandle(state, Kind::kNDArray, array);
  });
}

Napi::Value ArrayInfo(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  return Guard(EnvState::Of(env), [&]() -> Napi::Value {
    HandlePtr handle = Expect(info[0], Kind::kNDArray, "an array of the library");
    const DLTensor& tensor = *handle->tensor();
    Napi::Array shape = Napi::Array::New(env, tensor.ndim);
    for (int i = 0; i < tensor.ndim; i++) shape.Set(i, static_cast<double>(tensor.shape[i]));
    Napi::Object result = Napi::Object::New(env);
    result.Set("shape", shape);
    result.Set("code", tensor.dtype.code);
    result.Set("bits", tensor.dtype.bits);
    result.Set("lanes", tensor.dtype.lanes);
    result.Set("deviceType", tensor.device.type);
    result.Set("deviceId", tensor.device.id);
    result.Set("bytes", static_cast<double>(ByteSize(tensor)));
    return result;
  });
}

Napi::Value ArrayCopyTo(const Napi::CallbackInfo& info) {
  return Guard(EnvState::Of(info.Env()), [&]() -> Napi::Value {
    HandlePtr handle = Expect(info[0], Kind::kNDArray, "an array of the library");
    const View view = ViewOf(info[1]);
    if (view.size > 0) Check(Library::Api().TVMArrayCopyToBytes(handle->tensor(), view.data, view.size));
    return info.Env().Undefined();
  });
}

Napi::Value ArrayCopyFrom(const Napi::CallbackInfo& info) {
  return Guard(EnvState::Of(info.Env()), [&]() -> Napi::Value {
    HandlePtr handle = Expect(info[0], Kind::kNDArray, "an array of the library");
    const View view = ViewOf(info[1]);
    if (view.size > 0) Check(Library::Api().TVMArrayCopyFromBytes(handle->tensor(), view.data, view.size));
    return info.Env().Undefined();
  });
}

}  // namespace tvm_node
