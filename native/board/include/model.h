/*
 * What a program says of the networks in it. The host's build generates one file that defines these; a program without
 * operators, or without a network for the ahead-of-time executor, has counts of 0.
 */
#ifndef TVM_NODE_BOARD_MODEL_H_
#define TVM_NODE_BOARD_MODEL_H_

#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/c_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function of TVM's packed calling convention in C (TVM v0.18, TVMBackendPackedCFunc). */
typedef int32_t (*board_packed_t)(TVMValue* args, int* type_codes, int count, TVMValue* result,
                                  int* result_code, void* resource);

typedef struct {
  const char* name;
  board_packed_t call;
} board_operator_t;

typedef struct {
  const char* name;
  void* data;
  size_t bytes;
  DLDataType dtype;
  int32_t ndim;
  const int64_t* shape;
} board_tensor_t;

/* The system library. */
extern const board_operator_t model_operators[];
extern const size_t model_operator_count;

/* A network for the ahead-of-time executor: where its inputs and outputs are, and how it is run. */
extern const char* const model_name;
extern const board_tensor_t model_inputs[];
extern const size_t model_input_count;
extern const board_tensor_t model_outputs[];
extern const size_t model_output_count;
extern int32_t (*const model_run)(void);

#ifdef __cplusplus
}
#endif

#endif /* TVM_NODE_BOARD_MODEL_H_ */
