// Element types of the kernels for constants.
#ifndef TVM_NODE_TVM_KERNELS_ELEMENT_H_
#define TVM_NODE_TVM_KERNELS_ELEMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "../error.h"

namespace tvm_node {

/** float32, float64, int8 to int64, uint8 to uint64 and bool. */
enum class Element { kF32, kF64, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kBool };

/** Throws `ERR_INVALID_ARGUMENT` for a type that the kernels do not know. */
Element ParseElement(const std::string& dtype);
size_t SizeOf(Element element);
/** The error for a name that a table lacks. */
CodedError Unknown(const std::string& what, const std::string& name);

/** Bool in memory: a byte that only ever holds 0 or 1. */
struct Bool {
  uint8_t value;
  operator bool() const { return value != 0; }
};

template <typename T>
struct Type {
  using type = T;
};

/** Calls `body` with the C++ type of an element. */
template <typename Body>
void WithType(Element element, const Body& body) {
  switch (element) {
    case Element::kF32:
      return body(Type<float>{});
    case Element::kF64:
      return body(Type<double>{});
    case Element::kI8:
      return body(Type<int8_t>{});
    case Element::kI16:
      return body(Type<int16_t>{});
    case Element::kI32:
      return body(Type<int32_t>{});
    case Element::kI64:
      return body(Type<int64_t>{});
    case Element::kU8:
      return body(Type<uint8_t>{});
    case Element::kU16:
      return body(Type<uint16_t>{});
    case Element::kU32:
      return body(Type<uint32_t>{});
    case Element::kU64:
      return body(Type<uint64_t>{});
    case Element::kBool:
      return body(Type<Bool>{});
  }
}

// Signed overflow is undefined in C++ and wraps on every target: go through the unsigned type.
template <typename T, typename Op>
T Wrapping(T a, T b, Op op) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(op(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
  } else {
    return op(a, b);
  }
}

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_KERNELS_ELEMENT_H_
