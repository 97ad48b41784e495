// Typed arrays as plain memory and numbers.
#ifndef TVM_NODE_BIND_VIEW_H_
#define TVM_NODE_BIND_VIEW_H_

#include <napi.h>

#include <cstdint>
#include <vector>

#include "../tvm/error.h"

namespace tvm_node {

/** The bytes of a typed array, over an ArrayBuffer or a SharedArrayBuffer. */
struct View {
  uint8_t* data = nullptr;
  size_t size = 0;
};

/** Throws `ERR_INVALID_ARGUMENT` for anything but a typed array. */
View ViewOf(Napi::Value value);

/** An array of integral numbers within 2^53. Throws `ERR_INVALID_ARGUMENT` for anything else. */
std::vector<int64_t> Integers(Napi::Value value, const char* what);
/** The same without negative ones. */
std::vector<int64_t> Shape(Napi::Value value);

/** Bytes that a shape needs. Throws `ERR_INVALID_ARGUMENT` for more than any memory has. */
size_t ByteSize(const std::vector<int64_t>& shape, size_t item_size);

/**
 * The address of element `offset`. Throws `ERR_INVALID_ARGUMENT` unless every index of `shape`
 * stays inside the memory; strides and offset count elements.
 */
uint8_t* Within(const View& view, const std::vector<int64_t>& strides, int64_t offset,
                const std::vector<int64_t>& shape, size_t item_size);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_VIEW_H_
