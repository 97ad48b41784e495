#include "ndarray.h"

#include <algorithm>
#include <cstring>

#include "../tvm/tensor.h"
#include "view.h"
#include "wrap.h"

namespace tvm_node {
namespace {

// Alignment that the library's own arrays have and its executors ask of arrays they use in place.
constexpr size_t kAlignment = 64;

DLDataType Type(const Napi::CallbackInfo& info, size_t at) {
  return {static_cast<uint8_t>(info[at].As<Napi::Number>().Uint32Value()),
          static_cast<uint8_t>(info[at + 1].As<Napi::Number>().Uint32Value()),
          static_cast<uint16_t>(info[at + 2].As<Napi::Number>().Uint32Value())};
}

// Memory of a typed array lent to the library until the last array over it is gone.
struct Loan {
  DLManagedTensor managed{};
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  std::unique_ptr<KeptValue> owner;
};

void EndLoan(DLManagedTensor* self) { delete static_cast<Loan*>(self->manager_ctx); }

View ViewFor(const DLTensor& tensor, Napi::Value value) {
  const View view = ViewOf(value);
  if (view.size == ByteSize(tensor)) return view;
  throw CodedError("ERR_INVALID_ARGUMENT", "the array has " + std::to_string(ByteSize(tensor)) +
                                               " bytes, the typed array " +
                                               std::to_string(view.size));
}

}  // namespace

Napi::Value ArrayEmpty(EnvState& state, const Napi::CallbackInfo& info) {
  const auto shape = Shape(info[0]);
  const DLDataType type = Type(info, 1);
  ByteSize(shape, ItemSize(type));
  DLTensor* array = nullptr;
  Check(Library::Api().TVMArrayAlloc(shape.data(), static_cast<int>(shape.size()), type.code,
                                     type.bits, type.lanes, info[4].As<Napi::Number>().Int32Value(),
                                     info[5].As<Napi::Number>().Int32Value(), &array));
  return Wrap(state, std::make_shared<Handle>(Kind::kNDArray, array), ByteSize(*array));
}

Napi::Value ArrayFrom(EnvState& state, const Napi::CallbackInfo& info) {
  const CApi& api = Library::Api();
  const View view = ViewOf(info[0]);
  auto loan = std::make_unique<Loan>();
  loan->shape = Shape(info[1]);
  const DLDataType type = Type(info, 2);
  const size_t bytes = ByteSize(loan->shape, ItemSize(type));
  const bool strided = info[5].IsArray();
  uint8_t* first = view.data;
  if (strided) {
    loan->strides = Integers(info[5], "strides");
    const int64_t offset = info[6].IsNumber() ? info[6].As<Napi::Number>().Int64Value() : 0;
    first = Within(view, loan->strides, offset, loan->shape, ItemSize(type));
  } else if (bytes != view.size) {
    throw CodedError("ERR_INVALID_ARGUMENT", "the shape needs " + std::to_string(bytes) +
                                                 " bytes, got " + std::to_string(view.size));
  }
  DLTensor& tensor = loan->managed.tensor;
  tensor = {first,
            {kCpu, 0},
            static_cast<int32_t>(loan->shape.size()),
            type,
            loan->shape.data(),
            strided ? loan->strides.data() : nullptr,
            0};

  // The library takes over contiguous arrays only.
  DLTensor* array = nullptr;
  if (!strided && view.size > 0 && reinterpret_cast<uintptr_t>(view.data) % kAlignment == 0) {
    loan->owner = std::make_unique<KeptValue>(state, info[0].As<Napi::Object>());
    loan->managed.manager_ctx = loan.get();
    loan->managed.deleter = EndLoan;
    Check(api.TVMArrayFromDLPack(&loan->managed, &array));
    loan.release();
    return Wrap(state, std::make_shared<Handle>(Kind::kNDArray, array));
  }
  Check(api.TVMArrayAlloc(tensor.shape, tensor.ndim, tensor.dtype.code, tensor.dtype.bits,
                          tensor.dtype.lanes, kCpu, 0, &array));
  auto handle = std::make_shared<Handle>(Kind::kNDArray, array);
  Gather(tensor, static_cast<uint8_t*>(array->data));
  return Wrap(state, std::move(handle), ByteSize(*array));
}

Napi::Value ArrayInfo(EnvState& state, const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  HandlePtr handle = Expect(state, info[0], Kind::kNDArray);
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
}

Napi::Value ArrayCopyTo(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr handle = Expect(state, info[0], Kind::kNDArray);
  DLTensor& tensor = *handle->tensor();
  const View view = ViewFor(tensor, info[1]);
  if (view.size > 0) Check(Library::Api().TVMArrayCopyToBytes(&tensor, view.data, view.size));
  return info.Env().Undefined();
}

Napi::Value ArrayCopyFrom(EnvState& state, const Napi::CallbackInfo& info) {
  HandlePtr handle = Expect(state, info[0], Kind::kNDArray);
  DLTensor& tensor = *handle->tensor();
  const View view = ViewFor(tensor, info[1]);
  if (view.size > 0) Check(Library::Api().TVMArrayCopyFromBytes(&tensor, view.data, view.size));
  return info.Env().Undefined();
}

Napi::Value ViewAddress(EnvState&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(reinterpret_cast<uintptr_t>(ViewOf(info[0]).data)));
}

Napi::Value CopyToAddress(EnvState&, const Napi::CallbackInfo& info) {
  if (!info[0].IsBigInt()) throw CodedError("ERR_INVALID_ARGUMENT", "expected an address");
  bool lossless = false;
  const uint64_t address = info[0].As<Napi::BigInt>().Uint64Value(&lossless);
  const View view = ViewOf(info[1]);
  if (!lossless || address == 0) throw CodedError("ERR_INVALID_ARGUMENT", "expected an address");
  std::copy(view.data, view.data + view.size,
            reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(address)));
  return info.Env().Undefined();
}

}  // namespace tvm_node
