#include "unary.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_map>

namespace tvm_node {
namespace {

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
