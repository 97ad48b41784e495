#include "executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

enum { MOST_EXECUTORS = 64, WARM_UPS = 3 };

static graph_t* graphs[MOST_EXECUTORS];

const char* executor_create(const span_t* graph, unsigned library, unsigned* number) {
  for (unsigned i = 0; i < MOST_EXECUTORS; i++) {
    if (graphs[i] != NULL) continue;
    *number = i;
    return graph_create(graph, library, &graphs[i]);
  }
  return "too many networks are on the board";
}

void executor_destroy(unsigned number) {
  if (number >= MOST_EXECUTORS || graphs[number] == NULL) return;
  graph_free(graphs[number]);
  graphs[number] = NULL;
}

static int64_t input_of(const graph_t* graph, const arguments_t* arguments) {
  if (is_text(arguments, 0)) return graph_input(graph, &arguments->spans[0]);
  if (!is_number(arguments, 0)) return -1;
  const int64_t i = arguments->values[0].v_int64;
  return i >= 0 && (uint64_t)i < graph->input_count ? i : -1;
}

static void number(result_t* result, int64_t value) {
  *result = (result_t){.code = kTVMArgInt, .value = {.v_int64 = value}};
}

static void text(result_t* result, const char* data, size_t size) {
  *result = (result_t){.code = kTVMStr, .bytes = (const uint8_t*)data, .size = size};
}

static const char* get_input(graph_t* graph, const arguments_t* arguments, result_t* result) {
  const int64_t input = input_of(graph, arguments);
  if (input < 0) return "the network has no such input";
  *result = (result_t){.code = kTVMNDArrayHandle, .tensor = &graph->entries[graph->inputs[input]]};
  return NULL;
}

static const char* get_input_index(graph_t* graph, const arguments_t* arguments, result_t* result) {
  number(result, input_of(graph, arguments));
  return NULL;
}

static const char* get_input_name(graph_t* graph, const arguments_t* arguments, result_t* result) {
  const int64_t input = input_of(graph, arguments);
  if (input < 0) return "the network has no such input";
  text(result, graph->input_names[input].data, graph->input_names[input].size);
  return NULL;
}

static const char* get_num_inputs(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)arguments;
  number(result, (int64_t)graph->input_count);
  return NULL;
}

static const char* get_num_outputs(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)arguments;
  number(result, (int64_t)graph->output_count);
  return NULL;
}

static const char* get_output(graph_t* graph, const arguments_t* arguments, result_t* result) {
  const int64_t i = is_number(arguments, 0) ? arguments->values[0].v_int64 : -1;
  if (i < 0 || (uint64_t)i >= graph->output_count) return "the network has no such output";
  *result = (result_t){.code = kTVMNDArrayHandle, .tensor = &graph->entries[graph->outputs[i]]};
  return NULL;
}

static const char* copy(const board_tensor_t* to, const arguments_t* arguments) {
  if (arguments->count != 2 || arguments->codes[1] != kTVMDLTensorHandle) return "an input takes an array";
  const DLTensor* const from = &arguments->tensors[1];
  if (!tensor_is_ours(from) || tensor_bytes(from) != to->bytes)
    return "the array is not of the input's size or not in this board's memory";
  memmove(to->data, (const uint8_t*)from->data + from->byte_offset, to->bytes);
  return NULL;
}

static const char* set_input(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)result;
  const int64_t input = input_of(graph, arguments);
  if (input < 0) return "the network has no such input";
  return copy(&graph->entries[graph->inputs[input]], arguments);
}

static const char* load_params(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)result;
  if (arguments->count != 1 || (arguments->codes[0] != ARG_BYTES && arguments->codes[0] != kTVMStr))
    return "load_params takes bytes";
  return graph_load(graph, &arguments->spans[0]);
}

static const char* run(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)arguments;
  (void)result;
  return graph_run(graph, false);
}

/* A text that grows. */
typedef struct {
  char* data;
  size_t size;
  size_t capacity;
} buffer_t;

static bool append(buffer_t* buffer, const char* piece, size_t size) {
  if (size > buffer->capacity - buffer->size) {
    const size_t capacity = 2 * (buffer->capacity + size);
    char* const data = realloc(buffer->data, capacity);
    if (data == NULL) return false;
    buffer->data = data;
    buffer->capacity = capacity;
  }
  memcpy(buffer->data + buffer->size, piece, size);
  buffer->size += size;
  return true;
}

static bool append_call(buffer_t* report, const span_t* name, double microseconds, double total) {
  char rest[256];
  static const char kBefore[] = "{\"Name\":{\"string\":\"";
  const int size = snprintf(rest, sizeof rest,
                            "\"},\"Duration (us)\":{\"microseconds\":%.6f},\"Percent\":{\"percent\":%.6f},"
                            "\"Count\":{\"count\":1},\"Device\":{\"string\":\"cpu0\"}}",
                            microseconds, total > 0 ? 100 * microseconds / total : 0);
  return append(report, kBefore, sizeof kBefore - 1) && append(report, name->data, name->size) &&
         append(report, rest, (size_t)size);
}

/* What each call takes, as TVM's report in JSON (v0.18, src/runtime/profiling.cc). */
static const char* profile_rpc(graph_t* graph, const arguments_t* arguments, result_t* result) {
  static buffer_t report;
  (void)arguments;
  for (int i = 0; i <= WARM_UPS; i++) {
    const char* const wrong = graph_run(graph, true);
    if (wrong != NULL) return wrong;
  }
  double total = 0;
  for (size_t i = 0; i < graph->call_count; i++) total += graph->calls[i].microseconds;
  report.size = 0;
  static const char kBegin[] = "{\"calls\":[";
  static const char kMiddle[] = "],\"device_metrics\":{\"cpu0\":";
  static const char kEnd[] = "},\"configuration\":{\"Executor\":{\"string\":\"Graph\"}}}";
  bool whole = append(&report, kBegin, sizeof kBegin - 1);
  for (size_t i = 0; i < graph->call_count && whole; i++)
    whole = (i == 0 || append(&report, ",", 1)) &&
            append_call(&report, &graph->calls[i].name, graph->calls[i].microseconds, total);
  const span_t name = {"Total", 5};
  whole = whole && append(&report, kMiddle, sizeof kMiddle - 1) && append_call(&report, &name, total, total) &&
          append(&report, kEnd, sizeof kEnd - 1);
  if (!whole) return "there is not enough memory for the report";
  text(result, report.data, report.size);
  return NULL;
}

static const char* unsupported(graph_t* graph, const arguments_t* arguments, result_t* result) {
  (void)graph;
  (void)arguments;
  (void)result;
  return "this board's agent does not have the function";
}

static const struct {
  const char* name;
  const char* (*call)(graph_t* graph, const arguments_t* arguments, result_t* result);
} functions[] = {
    {"get_input", get_input},
    {"get_input_index", get_input_index},
    {"get_input_info", unsupported},
    {"get_input_name", get_input_name},
    {"get_num_inputs", get_num_inputs},
    {"get_num_outputs", get_num_outputs},
    {"get_output", get_output},
    {"load_params", load_params},
    {"profile_rpc", profile_rpc},
    {"run", run},
    {"set_input", set_input},
    {"set_input_zero_copy", unsupported},
    {"set_output_zero_copy", unsupported},
    {"share_params", unsupported},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

int executor_find(const span_t* name) {
  for (int i = 0; i < FUNCTIONS; i++)
    if (text_equals(name, functions[i].name)) return i;
  return -1;
}

const char* executor_call(unsigned number, unsigned index, const arguments_t* arguments, result_t* result) {
  if (number >= MOST_EXECUTORS || graphs[number] == NULL || index >= FUNCTIONS) return "there is no such function";
  return functions[index].call(graphs[number], arguments, result);
}
