#include "tensor.h"

namespace tvm_node {

size_t ByteSize(const DLTensor& tensor) {
  size_t count = 1;
  for (int i = 0; i < tensor.ndim; i++) count *= static_cast<size_t>(tensor.shape[i]);
  return (count * tensor.dtype.bits * tensor.dtype.lanes + 7) / 8;
}

bool IsCompact(const DLTensor& tensor) {
  if (!tensor.strides) return true;
  int64_t expected = 1;
  for (int i = tensor.ndim - 1; i >= 0; i--) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

std::string DataTypeName(DLDataType type) {
  constexpr const char* kNames[] = {"int", "uint", "float", "handle", "bfloat", nullptr, "e4m3_float", "e5m2_float"};
  constexpr uint8_t kHandle = 3;
  if (type.code == kHandle && type.bits == 0) return "";
  if (type.code == 1 && type.bits == 1 && type.lanes == 1) return "bool";
  const bool known = type.code < 8 && kNames[type.code];
  std::string name = known ? kNames[type.code] : "custom[" + std::to_string(type.code) + "]";
  if (type.code != kHandle) name += std::to_string(type.bits);
  // Scalable vectors hold the negative of their factor.
  const auto lanes = static_cast<int16_t>(type.lanes);
  if (lanes < 0) return name + "xvscalex" + std::to_string(-lanes);
  return lanes == 1 ? name : name + "x" + std::to_string(lanes);
}

}  // namespace tvm_node
