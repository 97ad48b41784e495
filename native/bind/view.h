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

/** An array of integral numbers. Throws `ERR_INVALID_ARGUMENT` for anything else. */
std::vector<int64_t> Integers(Napi::Value value, const char* what);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_VIEW_H_
