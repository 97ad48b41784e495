#include "call.h"

#include <string.h>

#include "arena.h"

static const char kShort[] = "the packet ends too early";

const char* read_tensor(reader_t* reader, arguments_t* arguments, DLTensor* tensor) {
  const uint64_t data = read_u64(reader);
  const int32_t device_type = read_i32(reader);
  const int32_t device_id = read_i32(reader);
  const int32_t ndim = read_i32(reader);
  const DLDataType dtype = {read_u8(reader), read_u8(reader), read_u16(reader)};
  if (reader->failed) return kShort;
  if (ndim < 0 || (size_t)ndim > BOARD_MAX_DIMS - arguments->dim_count) return "too many dimensions";
  int64_t* const shape = arguments->dims + arguments->dim_count;
  for (int32_t i = 0; i < ndim; i++) shape[i] = (int64_t)read_u64(reader);
  arguments->dim_count += (size_t)ndim;
  const uint64_t byte_offset = read_u64(reader);
  if (reader->failed) return kShort;
  if (data > UINTPTR_MAX) return "an address is beyond this board's";
  *tensor = (DLTensor){.data = (void*)(uintptr_t)data,
                       .device = {device_type, device_id},
                       .ndim = ndim,
                       .dtype = dtype,
                       .shape = shape,
                       .strides = NULL,
                       .byte_offset = byte_offset};
  return NULL;
}

static const char* read_argument(reader_t* reader, arguments_t* arguments, int i) {
  TVMValue* const value = &arguments->values[i];
  switch (arguments->codes[i]) {
    case kTVMArgInt:
    case ARG_UINT:
    case ARG_BOOL:
    case kTVMArgFloat:
    case kTVMOpaqueHandle:
    case ARG_MODULE:
    case ARG_FUNCTION: {
      /* The bits of a number of any kind, and handles, which are numbers of this board's. */
      const uint64_t bits = read_u64(reader);
      memcpy(value, &bits, sizeof bits);
      return NULL;
    }
    case kTVMNullptr:
      value->v_handle = NULL;
      return NULL;
    case ARG_DTYPE:
      value->v_type.code = read_u8(reader);
      value->v_type.bits = read_u8(reader);
      value->v_type.lanes = read_u16(reader);
      (void)read_i32(reader);
      return NULL;
    case ARG_DEVICE:
      value->v_device.device_type = read_i32(reader);
      value->v_device.device_id = read_i32(reader);
      return NULL;
    case ARG_OBJECT:
      (void)read_number(reader, 4);
      value->v_int64 = (int64_t)read_u64(reader);
      return NULL;
    case kTVMDLTensorHandle: {
      value->v_handle = &arguments->tensors[i];
      return read_tensor(reader, arguments, &arguments->tensors[i]);
    }
    case kTVMStr:
    case ARG_BYTES: {
      const uint64_t size = read_u64(reader);
      arguments->spans[i].data = (const char*)read_bytes(reader, size);
      arguments->spans[i].size = (size_t)size;
      value->v_handle = &arguments->spans[i];
      return NULL;
    }
    default:
      return "an argument is of a kind that this board does not know";
  }
}

const char* read_arguments(reader_t* reader, arguments_t* arguments) {
  const int32_t count = read_i32(reader);
  arguments->count = 0;
  arguments->dim_count = 0;
  if (reader->failed) return kShort;
  if (count < 0 || count > BOARD_MAX_ARGS) return "too many arguments";
  for (int32_t i = 0; i < count; i++) arguments->codes[i] = read_i32(reader);
  for (int32_t i = 0; i < count; i++) {
    const char* const wrong = read_argument(reader, arguments, i);
    if (wrong != NULL) return wrong;
    if (reader->failed) return kShort;
  }
  arguments->count = count;
  return NULL;
}

bool is_number(const arguments_t* arguments, int i) {
  if (i >= arguments->count) return false;
  const int code = arguments->codes[i];
  return code == kTVMArgInt || code == ARG_UINT || code == ARG_BOOL;
}

bool is_text(const arguments_t* arguments, int i) {
  return i < arguments->count && arguments->codes[i] == kTVMStr;
}

bool text_equals(const span_t* text, const char* name) {
  const size_t size = strlen(name);
  return text->size == size && memcmp(text->data, name, size) == 0;
}

uint64_t tensor_bytes(const DLTensor* tensor) {
  const uint64_t item = ((uint64_t)tensor->dtype.bits * tensor->dtype.lanes + 7U) / 8U;
  uint64_t total = item;
  for (int32_t i = 0; i < tensor->ndim; i++) {
    const int64_t extent = tensor->shape[i];
    if (extent < 0) return UINT64_MAX;
    if (extent > 0 && total > UINT64_MAX / (uint64_t)extent) return UINT64_MAX;
    total *= (uint64_t)extent;
  }
  return total;
}

uint8_t* tensor_data(const DLTensor* tensor) {
  return (uint8_t*)(uintptr_t)((uintptr_t)tensor->data + tensor->byte_offset);
}

static bool within(const board_tensor_t* tensors, size_t count, uint64_t address, uint64_t size) {
  for (size_t i = 0; i < count; i++) {
    const uint64_t first = (uintptr_t)tensors[i].data;
    if (address < first || address - first > tensors[i].bytes) continue;
    if (size <= tensors[i].bytes - (address - first)) return true;
  }
  return false;
}

bool memory_is_ours(uint64_t address, uint64_t size) {
  return arena_holds(address, size) || within(model_inputs, model_input_count, address, size) ||
         within(model_outputs, model_output_count, address, size);
}

bool tensor_is_ours(const DLTensor* tensor) {
  const uint64_t address = (uintptr_t)tensor->data;
  if (tensor->byte_offset > UINT64_MAX - address) return false;
  return memory_is_ours(address + tensor->byte_offset, tensor_bytes(tensor));
}

/* An array is its tensor with a handle, which is freed without consequence: the memory is the network's. */
static void write_array(writer_t* writer, const board_tensor_t* tensor) {
  write_i32(writer, 3);
  write_i32(writer, kTVMArgInt);
  write_i32(writer, kTVMDLTensorHandle);
  write_i32(writer, kTVMOpaqueHandle);
  write_u64(writer, kTVMNDArrayHandle);
  write_u64(writer, (uintptr_t)tensor->data);
  write_i32(writer, kDLCPU);
  write_i32(writer, 0);
  write_i32(writer, tensor->ndim);
  write_number(writer, tensor->dtype.code, 1);
  write_number(writer, tensor->dtype.bits, 1);
  write_number(writer, tensor->dtype.lanes, 2);
  for (int32_t i = 0; i < tensor->ndim; i++) write_u64(writer, (uint64_t)tensor->shape[i]);
  write_u64(writer, 0);
  write_u64(writer, (uintptr_t)tensor);
}

const char* take_arguments(const arguments_t* arguments, size_t alignment, TVMValue values[BOARD_MAX_ARGS],
                           int codes[BOARD_MAX_ARGS]) {
  for (int i = 0; i < arguments->count; i++) {
    values[i] = arguments->values[i];
    codes[i] = arguments->codes[i];
    if (codes[i] != kTVMDLTensorHandle) continue;
    const DLTensor* const tensor = &arguments->tensors[i];
    if (!tensor_is_ours(tensor)) return "an argument is not in this board's memory";
    if (((uintptr_t)tensor->data + tensor->byte_offset) % alignment != 0) return "an argument is not aligned";
  }
  return NULL;
}

result_t function_result(uint64_t handle) {
  return (result_t){.code = handle == 0 ? kTVMNullptr : ARG_FUNCTION,
                    .value = {.v_int64 = (int64_t)handle}};
}

void write_result(writer_t* writer, const result_t* result) {
  uint64_t bits = 0;
  memcpy(&bits, &result->value, sizeof bits);
  if (result->code == kTVMNDArrayHandle) {
    write_array(writer, result->tensor);
    return;
  }
  write_i32(writer, 2);
  write_i32(writer, kTVMArgInt);
  switch (result->code) {
    case kTVMNullptr:
      write_i32(writer, kTVMNullptr);
      write_u64(writer, kTVMNullptr);
      return;
    case ARG_MODULE:
    case ARG_FUNCTION:
      write_i32(writer, kTVMOpaqueHandle);
      break;
    case kTVMStr:
    case ARG_BYTES:
      write_i32(writer, result->code);
      write_u64(writer, (uint64_t)result->code);
      write_u64(writer, result->size);
      write_bytes(writer, result->bytes, result->size);
      return;
    default:
      write_i32(writer, result->code);
      break;
  }
  write_u64(writer, (uint64_t)result->code);
  write_u64(writer, bits);
}
