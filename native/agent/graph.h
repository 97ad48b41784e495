/* TVM's graph executor (v0.18, src/runtime/graph_executor): a network as functions that are called one after another. */
#ifndef TVM_NODE_AGENT_GRAPH_H_
#define TVM_NODE_AGENT_GRAPH_H_

#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "json.h"

/* One call of a function of the library. */
typedef struct {
  span_t name;
  board_packed_t function;
  int count;
  /* In the order of the call: inputs, then outputs. */
  DLTensor* tensors;
  TVMValue* values;
  int* codes;
  /* Of the last measurement. */
  double microseconds;
} graph_call_t;

typedef struct {
  unsigned library;
  char* text;
  json_t json;
  /* All tensors of the network; `names` are those of its nodes. */
  board_tensor_t* entries;
  size_t entry_count;
  int64_t* shapes;
  /* Entries that the host may set, by name, and those of the results. */
  span_t* input_names;
  size_t* inputs;
  size_t input_count;
  size_t* outputs;
  size_t output_count;
  void** storages;
  size_t storage_count;
  graph_call_t* calls;
  size_t call_count;
} graph_t;

/* NULL and a graph that `graph_free` frees, or what is wrong. */
const char* graph_create(const span_t* json, unsigned library, graph_t** graph);
void graph_free(graph_t* graph);

/* Index of an input by its name, or -1. */
int64_t graph_input(const graph_t* graph, const span_t* name);
/* Sets inputs from a file of parameters; names that are no inputs are passed over. NULL, or what is wrong. */
const char* graph_load(graph_t* graph, const span_t* parameters);
/* Runs the network once; `timed` notes what each call took. NULL, or what is wrong. */
const char* graph_run(graph_t* graph, bool timed);

#endif /* TVM_NODE_AGENT_GRAPH_H_ */
