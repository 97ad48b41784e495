// Element-wise arithmetic on constants, with C's semantics: integers wrap, division truncates.
#ifndef TVM_NODE_TVM_KERNELS_ELEMENTWISE_H_
#define TVM_NODE_TVM_KERNELS_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tvm_node {

/** Element types of the kernels: float32, float64, int8 to int64, uint8 to uint64 and bool (one byte, 0 or 1). */
enum class Element { kF32, kF64, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kBool };

/** Throws `ERR_INVALID_ARGUMENT` for a type that the kernels do not know. */
Element ParseElement(const std::string& dtype);
size_t SizeOf(Element element);
/** Whether the result of the binary operator is bool: for equal, less and the like. Throws for an unknown operator. */
bool IsComparison(const std::string& op);

/** An operand: pointer to the element of index 0, strides in elements, 0 where it repeats. */
struct Operand {
  const void* data;
  std::vector<int64_t> strides;
};

/**
 * to[index] = op(a[index], b[index]) over `shape`, `to` in row-major order. Operators: add subtract multiply divide maximum
 * minimum power equal not_equal less less_equal greater greater_equal. Throws for division of integers by zero.
 */
void Binary(const std::string& op, Element element, void* to, const Operand& a, const Operand& b,
            const std::vector<int64_t>& shape);

/**
 * to[i] = op(from[i]). Operators on any number: negative abs; on floats also sqrt rsqrt exp log floor ceil round (halves
 * away from zero) trunc tanh sigmoid erf sin cos.
 */
void Unary(const std::string& op, Element element, void* to, const void* from, size_t count);

/** Converts elements: floats to integers by truncation, saturating; anything to bool by comparison with 0. */
void Cast(void* to, Element to_element, const void* from, Element from_element, size_t count);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_KERNELS_ELEMENTWISE_H_
