// Element-wise functions of one operand, and conversions of element types.
#ifndef TVM_NODE_TVM_KERNELS_UNARY_H_
#define TVM_NODE_TVM_KERNELS_UNARY_H_

#include "element.h"

namespace tvm_node {

/**
 * to[i] = op(from[i]). On any number: negative abs; on floats also sqrt rsqrt exp log floor ceil
 * round (halves away from zero) trunc tanh sigmoid erf sin cos.
 */
void Unary(const std::string& op, Element element, void* to, const void* from, size_t count);

/** Converts elements: floats to integers by truncation, saturating; anything to bool by comparison
 * with 0. */
void Cast(void* to, Element to_element, const void* from, Element from_element, size_t count);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_KERNELS_UNARY_H_
