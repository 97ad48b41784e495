/* Values on the wire and in calls: arguments come out of a packet, results go into one. */
#ifndef TVM_NODE_BOARD_CALL_H_
#define TVM_NODE_BOARD_CALL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/c_runtime_api.h>

#include "board_config.h"
#include "model.h"
#include "wire.h"

/* Codes of values beyond those that generated code knows (TVM v0.18, include/tvm/runtime/c_runtime_api.h). */
enum {
  ARG_UINT = 1,
  ARG_DTYPE = 5,
  ARG_DEVICE = 6,
  ARG_OBJECT = 8,
  ARG_MODULE = 9,
  ARG_FUNCTION = 10,
  ARG_BYTES = 12,
  ARG_BOOL = 15
};

/* Bytes that a packet holds, or text of it. */
typedef struct {
  const char* data;
  size_t size;
} span_t;

typedef struct {
  TVMValue values[BOARD_MAX_ARGS];
  int codes[BOARD_MAX_ARGS];
  int count;
  /* What values point to. Texts are not terminated and are read through `spans`. */
  span_t spans[BOARD_MAX_ARGS];
  DLTensor tensors[BOARD_MAX_ARGS];
  int64_t dims[BOARD_MAX_DIMS];
  size_t dim_count;
} arguments_t;

/* A result: `tensor` where the code is that of an array. */
typedef struct {
  int code;
  TVMValue value;
  const board_tensor_t* tensor;
  const uint8_t* bytes;
  size_t size;
} result_t;

/* Reads one tensor; its dimensions go to `arguments`. NULL on success, else what is wrong. */
const char* read_tensor(reader_t* reader, arguments_t* arguments, DLTensor* tensor);

/* Reads a sequence of values. NULL on success, else what is wrong. */
const char* read_arguments(reader_t* reader, arguments_t* arguments);

/* Whether argument `i` is a number, text, ... of these codes. */
bool is_number(const arguments_t* arguments, int i);
bool is_text(const arguments_t* arguments, int i);
bool text_equals(const span_t* text, const char* name);

/* Bytes of a tensor's elements; UINT64_MAX where they are too many to count. */
uint64_t tensor_bytes(const DLTensor* tensor);

/* Where a tensor's elements are. As addresses: the host may send any pointer with any offset. */
uint8_t* tensor_data(const DLTensor* tensor);

/* Whether all of a tensor lies in memory that the host may use. */
bool tensor_is_ours(const DLTensor* tensor);
/* Whether memory is the arena's or that of a network's input or output. */
bool memory_is_ours(uint64_t address, uint64_t size);

/*
 * Copies what a call takes, for a function that may change its arguments. NULL on success, else which tensor it must not have: one
 * outside the host's memory, or not aligned to so many bytes.
 */
const char* take_arguments(const arguments_t* arguments, size_t alignment, TVMValue values[BOARD_MAX_ARGS],
                           int codes[BOARD_MAX_ARGS]);

/* A function by its handle as a result; 0 is no function. */
result_t function_result(uint64_t handle);

void write_result(writer_t* writer, const result_t* result);

#endif /* TVM_NODE_BOARD_CALL_H_ */
