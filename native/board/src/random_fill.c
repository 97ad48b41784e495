#include "random_fill.h"

#include <string.h>

const char* random_fill(const arguments_t* arguments, result_t* result) {
  (void)result;
  if (arguments->count != 1 || arguments->codes[0] != kTVMDLTensorHandle)
    return "random_fill takes an array";
  const DLTensor* const tensor = &arguments->tensors[0];
  if (!tensor_is_ours(tensor)) return "the array is not in this board's memory";
  uint8_t* const data = tensor_data(tensor);
  const uint64_t bytes = tensor_bytes(tensor);
  const bool is_float = tensor->dtype.code == kDLFloat && tensor->dtype.bits == 32;
  uint32_t state = 1;
  for (uint64_t i = 0; i < bytes; i += is_float ? 4 : 1) {
    state = state * 1664525U + 1013904223U;
    if (is_float && bytes - i >= 4) {
      const float value = (float)(1 + (state >> 24)) / 256.0F;
      memcpy(data + i, &value, sizeof value);
    } else {
      data[i] = (uint8_t)(1U + (state >> 24) % 7U);
    }
  }
  return NULL;
}
