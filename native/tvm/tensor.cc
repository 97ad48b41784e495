#include "tensor.h"

#include <vector>

#include "kernels/strided_copy.h"

namespace tvm_node {
namespace {

std::vector<int64_t> ShapeOf(const DLTensor& tensor) {
  return {tensor.shape, tensor.shape + tensor.ndim};
}

std::vector<int64_t> StridesOf(const DLTensor& tensor) {
  if (!tensor.strides) return CompactStrides(ShapeOf(tensor));
  return {tensor.strides, tensor.strides + tensor.ndim};
}

}  // namespace

size_t ItemSize(DLDataType type) {
  return (static_cast<size_t>(type.bits) * type.lanes + 7) / 8;
}

size_t ByteSize(const DLTensor& tensor) {
  size_t size = ItemSize(tensor.dtype);
  for (int i = 0; i < tensor.ndim; i++) size *= static_cast<size_t>(tensor.shape[i]);
  return size;
}

void Gather(const DLTensor& tensor, uint8_t* compact) {
  const std::vector<int64_t> shape = ShapeOf(tensor);
  StridedCopy(compact, CompactStrides(shape), FirstByte(tensor), StridesOf(tensor), shape,
              ItemSize(tensor.dtype));
}

void Scatter(const uint8_t* compact, const DLTensor& tensor) {
  const std::vector<int64_t> shape = ShapeOf(tensor);
  StridedCopy(FirstByte(tensor), StridesOf(tensor), compact, CompactStrides(shape), shape,
              ItemSize(tensor.dtype));
}

std::string DataTypeName(DLDataType type) {
  constexpr const char* kNames[] = {"int",    "uint",  "float",      "handle",
                                    "bfloat", nullptr, "e4m3_float", "e5m2_float"};
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
