#include "kernels.h"

#include "../tvm/kernels/binary.h"
#include "../tvm/kernels/strided_copy.h"
#include "../tvm/kernels/unary.h"
#include "view.h"

namespace tvm_node {
namespace {

std::string Text(Napi::Value value) { return value.As<Napi::String>().Utf8Value(); }

size_t Count(const View& view, Element element) { return view.size / SizeOf(element); }

void ExpectCount(size_t expected, size_t given) {
  if (expected == given) return;
  throw CodedError("ERR_INVALID_ARGUMENT", "expected " + std::to_string(expected) +
                                               " elements, got " + std::to_string(given));
}

}  // namespace

Napi::Value StridedCopyOf(EnvState&, const Napi::CallbackInfo& info) {
  const auto shape = Shape(info[6]);
  const auto item_size = static_cast<size_t>(info[7].As<Napi::Number>().Uint32Value());
  const auto to_strides = Integers(info[1], "strides");
  const auto from_strides = Integers(info[4], "strides");
  uint8_t* to = Within(ViewOf(info[0]), to_strides, info[2].As<Napi::Number>().Int64Value(), shape,
                       item_size);
  const uint8_t* from = Within(ViewOf(info[3]), from_strides,
                               info[5].As<Napi::Number>().Int64Value(), shape, item_size);
  StridedCopy(to, to_strides, from, from_strides, shape, item_size);
  return info.Env().Undefined();
}

Napi::Value BinaryOf(EnvState&, const Napi::CallbackInfo& info) {
  const std::string op = Text(info[0]);
  const Element element = ParseElement(Text(info[1]));
  const size_t size = SizeOf(element);
  const auto shape = Shape(info[7]);
  Operand a{nullptr, Integers(info[4], "strides")};
  Operand b{nullptr, Integers(info[6], "strides")};
  uint8_t* to =
      Within(ViewOf(info[2]), CompactStrides(shape), 0, shape, IsComparison(op) ? 1 : size);
  a.data = Within(ViewOf(info[3]), a.strides, 0, shape, size);
  b.data = Within(ViewOf(info[5]), b.strides, 0, shape, size);
  Binary(op, element, to, a, b, shape);
  return info.Env().Undefined();
}

Napi::Value UnaryOf(EnvState&, const Napi::CallbackInfo& info) {
  const Element element = ParseElement(Text(info[1]));
  const View to = ViewOf(info[2]);
  const View from = ViewOf(info[3]);
  ExpectCount(Count(from, element), Count(to, element));
  Unary(Text(info[0]), element, to.data, from.data, Count(from, element));
  return info.Env().Undefined();
}

Napi::Value CastOf(EnvState&, const Napi::CallbackInfo& info) {
  const View to = ViewOf(info[0]);
  const View from = ViewOf(info[2]);
  const Element to_element = ParseElement(Text(info[1]));
  const Element from_element = ParseElement(Text(info[3]));
  ExpectCount(Count(from, from_element), Count(to, to_element));
  Cast(to.data, to_element, from.data, from_element, Count(from, from_element));
  return info.Env().Undefined();
}

}  // namespace tvm_node
