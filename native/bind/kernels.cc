#include "kernels.h"

#include "../tvm/kernels/binary.h"
#include "../tvm/kernels/strided_copy.h"
#include "../tvm/kernels/unary.h"
#include "view.h"

namespace tvm_node {
namespace {

std::string Text(Napi::Value value) { return value.As<Napi::String>().Utf8Value(); }

/** The address of element `offset`, after checking that every index of `shape` stays inside the
 * memory. */
uint8_t* Within(const View& view, const std::vector<int64_t>& strides, int64_t offset,
                const std::vector<int64_t>& shape, size_t item_size) {
  if (strides.size() != shape.size())
    throw CodedError("ERR_INVALID_ARGUMENT", "strides and shape must have the same length");
  int64_t first = offset;
  int64_t last = offset;
  for (size_t i = 0; i < shape.size(); i++) {
    if (shape[i] < 0)
      throw CodedError("ERR_INVALID_ARGUMENT", "a shape must not have negative extents");
    if (shape[i] == 0) return view.data;
    const int64_t reach = (shape[i] - 1) * strides[i];
    (reach < 0 ? first : last) += reach;
  }
  if (first < 0 || (static_cast<size_t>(last) + 1) * item_size > view.size) {
    throw CodedError("ERR_INVALID_ARGUMENT",
                     "shape, strides and offset reach outside the given memory");
  }
  return view.data + offset * static_cast<int64_t>(item_size);
}

size_t Count(const View& view, Element element) { return view.size / SizeOf(element); }

void ExpectCount(size_t expected, size_t given) {
  if (expected == given) return;
  throw CodedError("ERR_INVALID_ARGUMENT", "expected " + std::to_string(expected) +
                                               " elements, got " + std::to_string(given));
}

}  // namespace

Napi::Value StridedCopyOf(EnvState&, const Napi::CallbackInfo& info) {
  const auto shape = Integers(info[6], "a shape");
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
  const auto shape = Integers(info[7], "a shape");
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
