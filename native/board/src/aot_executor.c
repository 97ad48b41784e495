#include "aot_executor.h"

#include <string.h>

static const char kNoInput[] = "the network has no such input";
static const char kNoOutput[] = "the network has no such output";

static const board_tensor_t* input_of(const arguments_t* arguments) {
  if (is_text(arguments, 0)) {
    for (size_t i = 0; i < model_input_count; i++)
      if (text_equals(&arguments->spans[0], model_inputs[i].name)) return &model_inputs[i];
    return NULL;
  }
  if (!is_number(arguments, 0)) return NULL;
  const uint64_t i = (uint64_t)arguments->values[0].v_int64;
  return i < model_input_count ? &model_inputs[i] : NULL;
}

static void number(result_t* result, int64_t value) {
  *result = (result_t){.code = kTVMArgInt, .value = {.v_int64 = value}};
}

static const char* get_input(const arguments_t* arguments, result_t* result) {
  const board_tensor_t* const tensor = input_of(arguments);
  if (tensor == NULL) return kNoInput;
  *result = (result_t){.code = kTVMNDArrayHandle, .tensor = tensor};
  return NULL;
}

static const char* get_input_index(const arguments_t* arguments, result_t* result) {
  const board_tensor_t* const tensor = input_of(arguments);
  number(result, tensor == NULL ? -1 : (int64_t)(tensor - model_inputs));
  return NULL;
}

static const char* get_input_name(const arguments_t* arguments, result_t* result) {
  const board_tensor_t* const tensor = input_of(arguments);
  if (tensor == NULL) return kNoInput;
  *result = (result_t){
      .code = kTVMStr, .bytes = (const uint8_t*)tensor->name, .size = strlen(tensor->name)};
  return NULL;
}

static const char* get_num_inputs(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  number(result, (int64_t)model_input_count);
  return NULL;
}

static const char* get_num_outputs(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  number(result, (int64_t)model_output_count);
  return NULL;
}

static const char* get_output(const arguments_t* arguments, result_t* result) {
  const uint64_t i = is_number(arguments, 0) ? (uint64_t)arguments->values[0].v_int64 : UINT64_MAX;
  if (i >= model_output_count) return kNoOutput;
  *result = (result_t){.code = kTVMNDArrayHandle, .tensor = &model_outputs[i]};
  return NULL;
}

static const char* set_input(const arguments_t* arguments, result_t* result) {
  (void)result;
  const board_tensor_t* const tensor = input_of(arguments);
  if (tensor == NULL) return kNoInput;
  if (arguments->count != 2 || arguments->codes[1] != kTVMDLTensorHandle)
    return "set_input takes an input and an array";
  const DLTensor* const from = &arguments->tensors[1];
  if (!tensor_is_ours(from) || tensor_bytes(from) != tensor->bytes)
    return "the array is not of the input's size or not in this board's memory";
  memmove(tensor->data, tensor_data(from), tensor->bytes);
  return NULL;
}

static const char* run(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  (void)result;
  return model_run != NULL && model_run() == 0 ? NULL : "the network failed";
}

static const char* unsupported(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  (void)result;
  return "parameters and their like are part of this program";
}

static const struct {
  const char* name;
  const char* (*call)(const arguments_t* arguments, result_t* result);
} functions[] = {
    {"get_input", get_input},
    {"get_input_index", get_input_index},
    {"get_input_info", unsupported},
    {"get_input_name", get_input_name},
    {"get_num_inputs", get_num_inputs},
    {"get_num_outputs", get_num_outputs},
    {"get_output", get_output},
    {"load_params", unsupported},
    {"run", run},
    {"set_input", set_input},
    {"share_params", unsupported},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

int aot_find(const span_t* name) {
  for (int i = 0; i < FUNCTIONS; i++)
    if (text_equals(name, functions[i].name)) return i;
  return -1;
}

bool aot_runs(int index) {
  return index >= 0 && index < FUNCTIONS && functions[index].call == run;
}

const char* aot_call(int index, const arguments_t* arguments, result_t* result) {
  if (index < 0 || index >= FUNCTIONS) return "there is no such function";
  return functions[index].call(arguments, result);
}
