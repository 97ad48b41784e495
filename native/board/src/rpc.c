#include "rpc.h"

#include <string.h>

#include "arena.h"
#include "board_config.h"
#include "call.h"
#include "functions.h"

enum {
  SHUTDOWN = 1,
  INIT_SERVER = 2,
  CALL_FUNCTION = 3,
  RETURN = 4,
  EXCEPTION = 5,
  COPY_FROM_REMOTE = 6,
  COPY_TO_REMOTE = 7,
  COPY_ACK = 8,
  GET_GLOBAL = 9,
  FREE_HANDLE = 10,
  SET_DEVICE = 11,
  GET_ATTRIBUTE = 12,
  ALLOCATE = 13,
  FREE_DATA = 14,
  STREAM_SYNC = 15,
  COPY_AMONG_REMOTE = 16,
  ALLOCATE_WITH_SCOPE = 17,
  CREATE_STREAM = 18,
  FREE_STREAM = 19,
  SET_STREAM = 20,
  GET_STREAM = 21
};

static const char kShort[] = "the packet ends too early";
static const char kMemory[] = "the memory is not this board's, or too small";

/* Arguments of the packet at hand. */
static arguments_t arguments;

static void begin_return(writer_t* answer, int32_t code) { write_i32(answer, code); }

static void return_value(writer_t* answer, int code, uint64_t bits) {
  begin_return(answer, RETURN);
  write_i32(answer, 1);
  write_i32(answer, code);
  if (code != kTVMNullptr) write_u64(answer, bits);
}

static void return_void(writer_t* answer) { return_value(answer, kTVMNullptr, 0); }

static const char* call(reader_t* reader, writer_t* answer) {
  const uint64_t handle = read_u64(reader);
  const char* wrong = read_arguments(reader, &arguments);
  if (wrong != NULL) return wrong;
  result_t result;
  wrong = call_function(handle, &arguments, &result);
  if (wrong != NULL) return wrong;
  begin_return(answer, RETURN);
  write_result(answer, &result);
  return NULL;
}

/* A tensor and a number of bytes of it, within memory that the host may use. */
static const char* read_region(reader_t* reader, uint8_t** data, uint64_t* bytes) {
  DLTensor tensor;
  arguments.dim_count = 0;
  const char* const wrong = read_tensor(reader, &arguments, &tensor);
  if (wrong != NULL) return wrong;
  *bytes = read_u64(reader);
  if (reader->failed) return kShort;
  const uint64_t address = (uintptr_t)tensor.data;
  if (tensor.byte_offset > UINT64_MAX - address) return kMemory;
  if (!memory_is_ours(address + tensor.byte_offset, *bytes)) return kMemory;
  *data = tensor_data(&tensor);
  return NULL;
}

static const char* copy_from(reader_t* reader, writer_t* answer) {
  uint8_t* data = NULL;
  uint64_t bytes = 0;
  const char* const wrong = read_region(reader, &data, &bytes);
  if (wrong != NULL) return wrong;
  if (bytes > answer->capacity - answer->size - 4) return "more bytes than one answer holds";
  begin_return(answer, COPY_ACK);
  write_bytes(answer, data, (size_t)bytes);
  return NULL;
}

static const char* copy_to(reader_t* reader, writer_t* answer) {
  uint8_t* data = NULL;
  uint64_t bytes = 0;
  const char* const wrong = read_region(reader, &data, &bytes);
  if (wrong != NULL) return wrong;
  const uint8_t* const from = read_bytes(reader, bytes);
  if (from == NULL) return kShort;
  if (bytes > 0) memcpy(data, from, (size_t)bytes);
  return_void(answer);
  return NULL;
}

static const char* copy_among(writer_t* answer) {
  if (arguments.count < 2 || arguments.codes[0] != kTVMDLTensorHandle ||
      arguments.codes[1] != kTVMDLTensorHandle)
    return "a copy takes two arrays";
  const DLTensor* const from = &arguments.tensors[0];
  const DLTensor* const to = &arguments.tensors[1];
  if (!tensor_is_ours(from) || !tensor_is_ours(to)) return kMemory;
  const uint64_t bytes = tensor_bytes(from);
  if (bytes != tensor_bytes(to)) return "the arrays of a copy differ in size";
  memmove(tensor_data(to), tensor_data(from), (size_t)bytes);
  return_void(answer);
  return NULL;
}

static const char* allocate(writer_t* answer, uint64_t bytes) {
  void* const memory = arena_allocate(bytes);
  if (memory == NULL) return "this board has not enough memory";
  return_value(answer, kTVMOpaqueHandle, (uintptr_t)memory);
  return NULL;
}

static const char* allocate_data(writer_t* answer) {
  if (!is_number(&arguments, 1)) return "an allocation takes a number of bytes";
  return allocate(answer, (uint64_t)arguments.values[1].v_int64);
}

static const char* allocate_tensor(writer_t* answer) {
  if (arguments.count < 1 || arguments.codes[0] != kTVMDLTensorHandle)
    return "an allocation takes an array's description";
  return allocate(answer, tensor_bytes(&arguments.tensors[0]));
}

static const char* free_data(writer_t* answer) {
  if (arguments.count < 2 || arguments.codes[1] != kTVMOpaqueHandle) return "there is nothing to free";
  const uint64_t address = (uint64_t)arguments.values[1].v_int64;
  if (address > UINTPTR_MAX || !arena_free((const void*)(uintptr_t)address)) return kMemory;
  return_void(answer);
  return NULL;
}

static const char* get_global(writer_t* answer) {
  if (!is_text(&arguments, 0)) return "a function is asked for by its name";
  return_value(answer, kTVMOpaqueHandle, find_global(&arguments.spans[0]));
  return NULL;
}

static const char* free_handle(writer_t* answer) {
  if (arguments.count >= 2 && arguments.codes[0] == kTVMOpaqueHandle && is_number(&arguments, 1))
    free_object(arguments.values[1].v_int64, (uint64_t)arguments.values[0].v_int64);
  return_void(answer);
  return NULL;
}

static const char* with_arguments(int32_t code, writer_t* answer) {
  switch (code) {
    case GET_GLOBAL:
      return get_global(answer);
    case FREE_HANDLE:
      return free_handle(answer);
    case ALLOCATE:
      return allocate_data(answer);
    case ALLOCATE_WITH_SCOPE:
      return allocate_tensor(answer);
    case FREE_DATA:
      return free_data(answer);
    case COPY_AMONG_REMOTE:
      return copy_among(answer);
    case GET_ATTRIBUTE:
    case SET_DEVICE:
    case STREAM_SYNC:
    case FREE_STREAM:
    case SET_STREAM:
      return_void(answer);
      return NULL;
    case CREATE_STREAM:
    case GET_STREAM:
      return_value(answer, kTVMOpaqueHandle, 0);
      return NULL;
    default:
      return "this board does not know the request";
  }
}

static const char* serve(int32_t code, reader_t* reader, writer_t* answer) {
  if (reader->failed) return kShort;
  switch (code) {
    case INIT_SERVER:
      return_void(answer);
      return NULL;
    case CALL_FUNCTION:
      return call(reader, answer);
    case COPY_FROM_REMOTE:
      return copy_from(reader, answer);
    case COPY_TO_REMOTE:
      return copy_to(reader, answer);
    default: {
      const char* const wrong = read_arguments(reader, &arguments);
      return wrong != NULL ? wrong : with_arguments(code, answer);
    }
  }
}

static void exception(writer_t* answer, const char* text) {
  size_t size = strlen(text);
  const size_t most = answer->capacity - 8 - 20;
  if (size > most) size = most;
  answer->size = 8;
  answer->failed = false;
  write_i32(answer, EXCEPTION);
  write_i32(answer, 1);
  write_i32(answer, kTVMStr);
  write_u64(answer, size);
  write_bytes(answer, text, size);
}

rpc_end_t rpc_serve(const uint8_t* packet, size_t size, writer_t* answer) {
  reader_t reader = {.at = packet, .left = size};
  const uint64_t announced = read_u64(&reader);
  const bool whole = !reader.failed && announced == reader.left;
  const int32_t code = read_i32(&reader);
  if (whole && code == SHUTDOWN) return RPC_SHUTDOWN;
  answer->size = 8;
  const char* wrong = whole ? serve(code, &reader, answer) : kShort;
  if (wrong == NULL && answer->failed) wrong = "the answer does not fit one message";
  if (wrong != NULL) exception(answer, wrong);
  /* The length comes first, and is known last. */
  writer_t length = {.data = answer->data, .capacity = 8};
  write_u64(&length, answer->size - 8);
  return RPC_ANSWER;
}

void rpc_reset(void) {
  arena_clear();
  reset_functions();
}
