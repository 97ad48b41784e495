#include "elementwise.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "../error.h"

namespace tvm_node {
namespace {

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

CodedError Unknown(const std::string& what, const std::string& name) {
  return CodedError("ERR_INVALID_ARGUMENT", what + " '" + name + "' is unknown here");
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

template <typename T>
T Divide(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) throw CodedError("ERR_INVALID_ARGUMENT", "division of an integer by zero");
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return static_cast<T>(0 - static_cast<uint64_t>(a));
    }
  }
  return static_cast<T>(a / b);
}

template <typename T>
T Negate(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(0 - static_cast<uint64_t>(x));
  return -x;
}

template <typename T>
T Absolute(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
  return x < T(0) ? Negate(x) : x;
}

/** Walks `shape`; `row(to, a, b)` handles one innermost row from these element offsets. */
template <typename Row>
void ForEachRow(const std::vector<int64_t>& shape, const std::vector<int64_t>& a, const std::vector<int64_t>& b, const Row& row) {
  const int inner = static_cast<int>(shape.size()) - 1;
  std::vector<int64_t> index(shape.size(), 0);
  int64_t at_to = 0, at_a = 0, at_b = 0;
  for (;;) {
    row(at_to, at_a, at_b);
    at_to += shape[inner];
    int axis = inner - 1;
    for (; axis >= 0; axis--) {
      at_a += a[axis];
      at_b += b[axis];
      if (++index[axis] < shape[axis]) break;
      at_a -= a[axis] * shape[axis];
      at_b -= b[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

template <typename T, typename R, typename Op>
void Apply(R* to, const Operand& a, const Operand& b, const std::vector<int64_t>& shape, Op op) {
  const T* left = static_cast<const T*>(a.data);
  const T* right = static_cast<const T*>(b.data);
  const int64_t count = shape.back(), a_step = a.strides.back(), b_step = b.strides.back();
  ForEachRow(shape, a.strides, b.strides, [&](int64_t at_to, int64_t at_a, int64_t at_b) {
    R* target = to + at_to;
    const T* x = left + at_a;
    const T* y = right + at_b;
    if (a_step == 1 && b_step == 1) {
      for (int64_t i = 0; i < count; i++) target[i] = op(x[i], y[i]);
    } else if (a_step == 1 && b_step == 0) {
      const T fixed = *y;
      for (int64_t i = 0; i < count; i++) target[i] = op(x[i], fixed);
    } else {
      for (int64_t i = 0; i < count; i++) target[i] = op(x[i * a_step], y[i * b_step]);
    }
  });
}

enum class BinaryOp {
  kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kPower,
  kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual,
};

BinaryOp ParseBinary(const std::string& op) {
  static const std::unordered_map<std::string, BinaryOp> table = {
      {"add", BinaryOp::kAdd},         {"subtract", BinaryOp::kSubtract},       {"multiply", BinaryOp::kMultiply},
      {"divide", BinaryOp::kDivide},   {"maximum", BinaryOp::kMaximum},         {"minimum", BinaryOp::kMinimum},
      {"power", BinaryOp::kPower},     {"equal", BinaryOp::kEqual},             {"not_equal", BinaryOp::kNotEqual},
      {"less", BinaryOp::kLess},       {"less_equal", BinaryOp::kLessEqual},    {"greater", BinaryOp::kGreater},
      {"greater_equal", BinaryOp::kGreaterEqual},
  };
  auto found = table.find(op);
  if (found == table.end()) throw Unknown("operator", op);
  return found->second;
}

template <typename T>
void Compare(BinaryOp op, uint8_t* to, const Operand& a, const Operand& b, const std::vector<int64_t>& shape) {
  switch (op) {
    case BinaryOp::kEqual:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x == y; });
    case BinaryOp::kNotEqual:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x != y; });
    case BinaryOp::kLess:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x < y; });
    case BinaryOp::kLessEqual:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x <= y; });
    case BinaryOp::kGreater:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x > y; });
    default:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x >= y; });
  }
}

template <typename T>
void Arithmetic(BinaryOp op, T* to, const Operand& a, const Operand& b, const std::vector<int64_t>& shape) {
  switch (op) {
    case BinaryOp::kAdd:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return Wrapping(x, y, [](auto p, auto q) { return p + q; }); });
    case BinaryOp::kSubtract:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return Wrapping(x, y, [](auto p, auto q) { return p - q; }); });
    case BinaryOp::kMultiply:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return Wrapping(x, y, [](auto p, auto q) { return p * q; }); });
    case BinaryOp::kDivide:
      return Apply<T>(to, a, b, shape, Divide<T>);
    case BinaryOp::kMaximum:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x > y ? x : y; });
    case BinaryOp::kMinimum:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return x < y ? x : y; });
    default:
      return Apply<T>(to, a, b, shape, [](T x, T y) { return static_cast<T>(std::pow(x, y)); });
  }
}

template <typename T, typename Op>
void Map(void* to, const void* from, size_t count, Op op) {
  T* target = static_cast<T*>(to);
  const T* source = static_cast<const T*>(from);
  for (size_t i = 0; i < count; i++) target[i] = op(source[i]);
}

template <typename T>
void FloatUnary(const std::string& op, void* to, const void* from, size_t count) {
  using Function = T (*)(T);
  static const std::unordered_map<std::string, Function> table = {
      {"sqrt", [](T x) -> T { return std::sqrt(x); }},
      {"rsqrt", [](T x) -> T { return T(1) / std::sqrt(x); }},
      {"exp", [](T x) -> T { return std::exp(x); }},
      {"log", [](T x) -> T { return std::log(x); }},
      {"floor", [](T x) -> T { return std::floor(x); }},
      {"ceil", [](T x) -> T { return std::ceil(x); }},
      {"round", [](T x) -> T { return std::round(x); }},
      {"trunc", [](T x) -> T { return std::trunc(x); }},
      {"tanh", [](T x) -> T { return std::tanh(x); }},
      {"sigmoid", [](T x) -> T { return T(1) / (T(1) + std::exp(-x)); }},
      {"erf", [](T x) -> T { return std::erf(x); }},
      {"sin", [](T x) -> T { return std::sin(x); }},
      {"cos", [](T x) -> T { return std::cos(x); }},
  };
  auto found = table.find(op);
  if (found == table.end()) throw Unknown("operator", op);
  Map<T>(to, from, count, found->second);
}

template <typename To, typename From>
To Convert(From x) {
  if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(x != From(0))};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Out of range is undefined in C++.
    using Limits = std::numeric_limits<To>;
    if (std::isnan(x)) return 0;
    if (x <= static_cast<From>(Limits::min())) return Limits::min();
    if (x >= static_cast<From>(Limits::max())) return Limits::max();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace

Element ParseElement(const std::string& dtype) {
  static const std::unordered_map<std::string, Element> table = {
      {"float32", Element::kF32}, {"float64", Element::kF64}, {"int8", Element::kI8},     {"int16", Element::kI16},
      {"int32", Element::kI32},   {"int64", Element::kI64},   {"uint8", Element::kU8},    {"uint16", Element::kU16},
      {"uint32", Element::kU32},  {"uint64", Element::kU64},  {"bool", Element::kBool},
  };
  auto found = table.find(dtype);
  if (found == table.end()) throw Unknown("element type", dtype);
  return found->second;
}

size_t SizeOf(Element element) {
  size_t size = 0;
  WithType(element, [&](auto type) { size = sizeof(typename decltype(type)::type); });
  return size;
}

bool IsComparison(const std::string& op) { return ParseBinary(op) >= BinaryOp::kEqual; }

void Binary(const std::string& op, Element element, void* to, const Operand& a, const Operand& b,
            const std::vector<int64_t>& shape) {
  for (int64_t extent : shape) {
    if (extent == 0) return;
  }
  if (shape.empty()) return Binary(op, element, to, {a.data, {1}}, {b.data, {1}}, {1});
  const BinaryOp parsed = ParseBinary(op);
  WithType(element, [&](auto type) {
    using T = typename decltype(type)::type;
    if (parsed >= BinaryOp::kEqual) {
      Compare<T>(parsed, static_cast<uint8_t*>(to), a, b, shape);
    } else if constexpr (std::is_same_v<T, Bool>) {
      throw Unknown("operator on bool", op);
    } else {
      Arithmetic<T>(parsed, static_cast<T*>(to), a, b, shape);
    }
  });
}

void Unary(const std::string& op, Element element, void* to, const void* from, size_t count) {
  WithType(element, [&](auto type) {
    using T = typename decltype(type)::type;
    if constexpr (std::is_same_v<T, Bool>) {
      throw Unknown("operator on bool", op);
    } else if (op == "negative") {
      Map<T>(to, from, count, Negate<T>);
    } else if (op == "abs") {
      Map<T>(to, from, count, Absolute<T>);
    } else if constexpr (std::is_floating_point_v<T>) {
      FloatUnary<T>(op, to, from, count);
    } else {
      throw Unknown("operator on integers", op);
    }
  });
}

void Cast(void* to, Element to_element, const void* from, Element from_element, size_t count) {
  WithType(to_element, [&](auto to_type) {
    using To = typename decltype(to_type)::type;
    WithType(from_element, [&](auto from_type) {
      using From = typename decltype(from_type)::type;
      To* target = static_cast<To*>(to);
      const From* source = static_cast<const From*>(from);
      for (size_t i = 0; i < count; i++) {
        if constexpr (std::is_same_v<From, Bool>) {
          target[i] = Convert<To>(source[i].value);
        } else {
          target[i] = Convert<To>(source[i]);
        }
      }
    });
  });
}

}  // namespace tvm_node
