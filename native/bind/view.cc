#include "view.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tvm_node {
namespace {

constexpr double kLargestExact = 9007199254740991.0;

}  // namespace

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
    if (std::trunc(number) != number || std::fabs(number) > kLargestExact) throw refuse();
    numbers[i] = static_cast<int64_t>(number);
  }
  return numbers;
}

std::vector<int64_t> Shape(Napi::Value value) {
  std::vector<int64_t> shape = Integers(value, "a shape");
  for (int64_t extent : shape) {
    if (extent < 0)
      throw CodedError("ERR_INVALID_ARGUMENT", "a shape must not have negative extents");
  }
  return shape;
}

size_t ByteSize(const std::vector<int64_t>& shape, size_t item_size) {
  int64_t size = static_cast<int64_t>(item_size);
  bool overflows = false;
  // An extent of 0 would hide that the others overflow, which the library's own arithmetic does not
  // expect.
  for (int64_t extent : shape)
    overflows |= __builtin_mul_overflow(size, std::max<int64_t>(extent, 1), &size);
  if (overflows) throw CodedError("ERR_INVALID_ARGUMENT", "the shape is larger than any memory");
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  return empty ? 0 : static_cast<size_t>(size);
}

uint8_t* Within(const View& view, const std::vector<int64_t>& strides, int64_t offset,
                const std::vector<int64_t>& shape, size_t item_size) {
  if (strides.size() != shape.size())
    throw CodedError("ERR_INVALID_ARGUMENT", "strides and shape must have the same length");
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return view.data;
  int64_t first = offset;
  int64_t last = offset;
  int64_t end = 0;
  bool outside = item_size == 0;
  for (size_t i = 0; i < shape.size(); i++) {
    int64_t reach = 0;
    outside |= __builtin_mul_overflow(shape[i] - 1, strides[i], &reach);
    int64_t& bound = reach < 0 ? first : last;
    outside |= __builtin_add_overflow(bound, reach, &bound);
  }
  outside |= first < 0 || last < 0;
  outside |= __builtin_add_overflow(last, 1, &end);
  outside |= __builtin_mul_overflow(end, static_cast<int64_t>(item_size), &end);
  if (outside || static_cast<size_t>(end) > view.size) {
    throw CodedError("ERR_INVALID_ARGUMENT",
                     "shape, strides and offset reach outside the given memory");
  }
  return view.data + offset * static_cast<int64_t>(item_size);
}

}  // namespace tvm_node
