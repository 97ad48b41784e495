#include "binary.h"

#include <cmath>
#include <type_traits>
#include <unordered_map>

namespace tvm_node {
namespace {

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

/** Walks `shape`; `row(to, a, b)` handles one innermost row from these element offsets. */
template <typename Row>
void ForEachRow(const std::vector<int64_t>& shape, const std::vector<int64_t>& a,
                const std::vector<int64_t>& b, const Row& row) {
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
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kMaximum,
  kMinimum,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
};

BinaryOp ParseBinary(const std::string& op) {
  static const std::unordered_map<std::string, BinaryOp> table = {
      {"add", BinaryOp::kAdd},
      {"subtract", BinaryOp::kSubtract},
      {"multiply", BinaryOp::kMultiply},
      {"divide", BinaryOp::kDivide},
      {"maximum", BinaryOp::kMaximum},
      {"minimum", BinaryOp::kMinimum},
      {"power", BinaryOp::kPower},
      {"equal", BinaryOp::kEqual},
      {"not_equal", BinaryOp::kNotEqual},
      {"less", BinaryOp::kLess},
      {"less_equal", BinaryOp::kLessEqual},
      {"greater", BinaryOp::kGreater},
      {"greater_equal", BinaryOp::kGreaterEqual},
  };
  auto found = table.find(op);
  if (found == table.end()) throw Unknown("operator", op);
  return found->second;
}

template <typename T>
void Compare(BinaryOp op, uint8_t* to, const Operand& a, const Operand& b,
             const std::vector<int64_t>& shape) {
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
void Arithmetic(BinaryOp op, T* to, const Operand& a, const Operand& b,
                const std::vector<int64_t>& shape) {
  switch (op) {
    case BinaryOp::kAdd:
      return Apply<T>(to, a, b, shape, [](T x, T y) {
        return Wrapping(x, y, [](auto p, auto q) { return p + q; });
      });
    case BinaryOp::kSubtract:
      return Apply<T>(to, a, b, shape, [](T x, T y) {
        return Wrapping(x, y, [](auto p, auto q) { return p - q; });
      });
    case BinaryOp::kMultiply:
      return Apply<T>(to, a, b, shape, [](T x, T y) {
        return Wrapping(x, y, [](auto p, auto q) { return p * q; });
      });
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

}  // namespace

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

}  // namespace tvm_node
