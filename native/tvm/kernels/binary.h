// Element-wise operators of two operands, with C's semantics: integers wrap, division truncates.
#ifndef TVM_NODE_TVM_KERNELS_BINARY_H_
#define TVM_NODE_TVM_KERNELS_BINARY_H_

#include <vector>

#include "element.h"

namespace tvm_node {

/** An operand: pointer to the element of index 0, strides in elements, 0 where it repeats. */
struct Operand {
  const void* data;
  std::vector<int64_t> strides;
};

/** Whether the operator's result is bool: for equal, less and the like. Throws for an unknown
 * operator. */
bool IsComparison(const std::string& op);

/**
 * to[index] = op(a[index], b[index]) over `shape`, `to` in row-major order. Operators: add subtract
 * multiply divide maximum minimum power equal not_equal less less_equal greater greater_equal.
 * Throws for division of integers by zero.
 */
void Binary(const std::string& op, Element element, void* to, const Operand& a, const Operand& b,
            const std::vector<int64_t>& shape);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_KERNELS_BINARY_H_
