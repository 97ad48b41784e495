// Copies between tensors of any strides: transposition, broadcasting, slicing, changes of layout.
#ifndef TVM_NODE_TVM_KERNELS_STRIDED_COPY_H_
#define TVM_NODE_TVM_KERNELS_STRIDED_COPY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tvm_node {

/** Row-major strides of `shape`, in elements. */
std::vector<int64_t> CompactStrides(const std::vector<int64_t>& shape);

/**
 * Copies one element of `item_size` bytes for each index of `shape`. Pointers are to the element of
 * index 0; strides are in elements, may be 0 (repeating) or negative. Source and destination must
 * not overlap.
 */
void StridedCopy(void* to, std::vector<int64_t> to_strides, const void* from,
                 std::vector<int64_t> from_strides, std::vector<int64_t> shape, size_t item_size);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_KERNELS_STRIDED_COPY_H_
