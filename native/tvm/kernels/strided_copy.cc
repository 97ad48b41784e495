#include "strided_copy.h"

#include <cstring>

namespace tvm_node {
namespace {

// Drops axes of extent 1 and joins neighbours that both sides step through as one.
void Simplify(std::vector<int64_t>* shape, std::vector<int64_t>* to, std::vector<int64_t>* from) {
  size_t kept = 0;
  for (size_t i = 0; i < shape->size(); i++) {
    if ((*shape)[i] == 1) continue;
    if (kept > 0 && (*to)[kept - 1] == (*to)[i] * (*shape)[i] &&
        (*from)[kept - 1] == (*from)[i] * (*shape)[i]) {
      (*shape)[kept - 1] *= (*shape)[i];
      (*to)[kept - 1] = (*to)[i];
      (*from)[kept - 1] = (*from)[i];
      continue;
    }
    (*shape)[kept] = (*shape)[i];
    (*to)[kept] = (*to)[i];
    (*from)[kept] = (*from)[i];
    kept++;
  }
  for (auto* list : {shape, to, from}) list->resize(kept);
}

template <typename T>
void CopyRow(uint8_t* to, int64_t to_stride, const uint8_t* from, int64_t from_stride,
             int64_t count) {
  auto* target = reinterpret_cast<T*>(to);
  const auto* source = reinterpret_cast<const T*>(from);
  if (to_stride == 1 && from_stride == 0) {
    const T value = *source;
    for (int64_t i = 0; i < count; i++) target[i] = value;
    return;
  }
  for (int64_t i = 0; i < count; i++) target[i * to_stride] = source[i * from_stride];
}

void CopyItems(uint8_t* to, int64_t to_stride, const uint8_t* from, int64_t from_stride,
               int64_t count, size_t size) {
  const int64_t item = static_cast<int64_t>(size);
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, count * size);
    return;
  }
  switch (size) {
    case 1:
      return CopyRow<uint8_t>(to, to_stride, from, from_stride, count);
    case 2:
      return CopyRow<uint16_t>(to, to_stride, from, from_stride, count);
    case 4:
      return CopyRow<uint32_t>(to, to_stride, from, from_stride, count);
    case 8:
      return CopyRow<uint64_t>(to, to_stride, from, from_stride, count);
    default:
      for (int64_t i = 0; i < count; i++)
        std::memcpy(to + i * to_stride * item, from + i * from_stride * item, size);
  }
}

}  // namespace

std::vector<int64_t> CompactStrides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

void StridedCopy(void* to, std::vector<int64_t> to_strides, const void* from,
                 std::vector<int64_t> from_strides, std::vector<int64_t> shape, size_t item_size) {
  for (int64_t extent : shape) {
    if (extent == 0) return;
  }
  Simplify(&shape, &to_strides, &from_strides);
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  if (shape.empty()) {
    std::memcpy(target, source, item_size);
    return;
  }
  const int64_t item = static_cast<int64_t>(item_size);
  const int inner = static_cast<int>(shape.size()) - 1;
  std::vector<int64_t> index(shape.size(), 0);
  for (;;) {
    CopyItems(target, to_strides[inner], source, from_strides[inner], shape[inner], item_size);
    int axis = inner - 1;
    for (; axis >= 0; axis--) {
      target += to_strides[axis] * item;
      source += from_strides[axis] * item;
      if (++index[axis] < shape[axis]) break;
      target -= to_strides[axis] * shape[axis] * item;
      source -= from_strides[axis] * shape[axis] * item;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace tvm_node
