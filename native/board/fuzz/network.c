/* Operators and a network for the fuzzer: what they do depends on what they are given. */
#include <string.h>
#include <tvm/runtime/c_backend_api.h>

#include "model.h"

static int8_t input[8];
static int8_t output[8];
static const int64_t shape[1] = {8};

static int32_t run(void) {
  for (int i = 0; i < 8; i++) output[i] = (int8_t)(input[i] ^ 1);
  return input[0] == 3 ? -1 : 0;
}

/* Takes workspace and gives some of it back. */
static int32_t work(TVMValue* args, int* codes, int count, TVMValue* result, int* result_code, void* resource) {
  (void)resource;
  void* const first = TVMBackendAllocWorkspace(1, 0, 64, 0, 8);
  void* const second = TVMBackendAllocWorkspace(1, 0, count > 2 ? 1U << 30 : 128, 0, 8);
  if (first == NULL) return -1;
  memset(first, 0, 64);
  if (TVMBackendFreeWorkspace(1, 0, first) != 0) return -1;
  if (count > 0 && codes[0] == kTVMDLTensorHandle) {
    const DLTensor* const tensor = args[0].v_handle;
    uint64_t bytes = (tensor->dtype.bits * tensor->dtype.lanes + 7U) / 8U;
    for (int i = 0; i < tensor->ndim; i++) bytes *= (uint64_t)tensor->shape[i];
    memset((void*)((uintptr_t)tensor->data + tensor->byte_offset), 1, bytes);
  }
  result->v_int64 = count;
  *result_code = kTVMArgInt;
  return second == NULL ? -1 : 0;
}

/* Asks for what a board has not. */
static int32_t ask(TVMValue* args, int* codes, int count, TVMValue* result, int* result_code, void* resource) {
  TVMFunctionHandle function = NULL;
  (void)resource;
  if (count == 0) return TVMBackendGetFuncFromEnv(NULL, "other", &function);
  if (count == 1) return TVMFuncCall(function, args, codes, count, result, result_code);
  if (count == 2) return TVMBackendFreeWorkspace(1, 0, result);
  TVMAPISetLastError("an error of an operator");
  return -1;
}

const board_operator_t model_operators[] = {{"work", work}, {"ask", ask}};
const size_t model_operator_count = 2;
const char* const model_name = "default";
const board_tensor_t model_inputs[] = {{"x", input, 8, {kDLInt, 8, 1}, 1, shape}};
const size_t model_input_count = 1;
const board_tensor_t model_outputs[] = {{"y", output, 8, {kDLInt, 8, 1}, 1, shape}};
const size_t model_output_count = 1;
int32_t (*const model_run)(void) = run;
