// Facts about the ABI's tensors.
#ifndef TVM_NODE_TVM_TENSOR_H_
#define TVM_NODE_TVM_TENSOR_H_

#include <cstdint>
#include <string>

#include "c_api.h"

namespace tvm_node {

constexpr int kCpu = 1;

/** Bytes of one element; those smaller than a byte take a whole one. */
size_t ItemSize(DLDataType type);
/** Bytes of the elements, without gaps that strides leave. */
size_t ByteSize(const DLTensor& tensor);
/** Address of the first element. */
inline uint8_t* FirstByte(const DLTensor& tensor) {
  return static_cast<uint8_t*>(tensor.data) + tensor.byte_offset;
}
/** Copies the elements of a tensor in main memory to row-major order. */
void Gather(const DLTensor& tensor, uint8_t* compact);
/** Copies elements in row-major order to their places in a tensor in main memory. */
void Scatter(const uint8_t* compact, const DLTensor& tensor);
/** TVM's spelling of an element type: `float32`, `bool`, `int8x4`, empty for void. */
std::string DataTypeName(DLDataType type);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_TENSOR_H_
