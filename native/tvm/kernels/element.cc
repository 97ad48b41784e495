#include "element.h"

#include <unordered_map>

namespace tvm_node {

CodedError Unknown(const std::string& what, const std::string& name) {
  return CodedError("ERR_INVALID_ARGUMENT", what + " '" + name + "' is unknown here");
}

Element ParseElement(const std::string& dtype) {
  static const std::unordered_map<std::string, Element> table = {
      {"float32", Element::kF32}, {"float64", Element::kF64}, {"int8", Element::kI8},
      {"int16", Element::kI16},   {"int32", Element::kI32},   {"int64", Element::kI64},
      {"uint8", Element::kU8},    {"uint16", Element::kU16},  {"uint32", Element::kU32},
      {"uint64", Element::kU64},  {"bool", Element::kBool},
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

}  // namespace tvm_node
