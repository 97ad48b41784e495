#include "view.h"

#include <cmath>
#include <string>

namespace tvm_node {

View ViewOf(Napi::Value value) {
  if (!value.IsTypedArray()) throw CodedError("ERR_INVALID_ARGUMENT", "expected a typed array");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) !=
      napi_ok) {
    throw CodedError("ERR_INVALID_ARGUMENT", "the typed array cannot be read");
  }
  return {static_cast<uint8_t*>(data), value.As<Napi::TypedArray>().ByteLength()};
}

std::vector<int64_t> Integers(Napi::Value value, const char* what) {
  const auto refuse = [&] {
    return CodedError("ERR_INVALID_ARGUMENT",
                      std::string("expected ") + what + ": an array of integers");
  };
  if (!value.IsArray()) throw refuse();
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> numbers(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) {
    Napi::Value item = array.Get(i);
    if (!item.IsNumber()) throw refuse();
    const double number = item.As<Napi::Number>().DoubleValue();
    if (std::trunc(number) != number) throw refuse();
    numbers[i] = static_cast<int64_t>(number);
  }
  return numbers;
}

}  // namespace tvm_node
