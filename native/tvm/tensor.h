// Facts about the ABI's tensors.
#ifndef TVM_NODE_TVM_TENSOR_H_
#define TVM_NODE_TVM_TENSOR_H_

#include <string>

#include "c_api.h"

namespace tvm_node {

constexpr int kCpu = 1;

/** Bytes of the elements, without gaps that strides leave. */
size_t ByteSize(const DLTensor& tensor);
/** Whether the elements lie one after the other in row-major order. */
bool IsCompact(const DLTensor& tensor);
/** Address of the first element. */
inline uint8_t* FirstByte(const DLTensor& tensor) {
  return static_cast<uint8_t*>(tensor.data) + tensor.byte_offset;
}
/** TVM's spelling of an element type: `float32`, `bool`, `int8x4`, empty for void. */
std::string DataTypeName(DLDataType type);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_TENSOR_H_
