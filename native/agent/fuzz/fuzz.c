/*
 * Feeds mutated graphs and parameters to the agent's graph executor, and runs those that it takes. For clang's
 * -fsanitize=fuzzer,address,undefined. The first two bytes are how many of the others are the graph.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../graph.h"
#include "../library.h"
#include "arena.h"
#include "board.h"

const uint32_t port_ticks_per_second = 1000000U;

uint64_t port_ticks(void) {
  static uint64_t ticks;
  return ticks += 10;
}

/* No program has a network or operators of its own here. */
const board_operator_t model_operators[1] = {{0}};
const size_t model_operator_count = 0;
const board_tensor_t model_inputs[1] = {{0}};
const size_t model_input_count = 0;
const board_tensor_t model_outputs[1] = {{0}};
const size_t model_output_count = 0;

/* In place of operators: touches all bytes of each tensor, so that the sanitizer sees whether they are there. */
static int32_t touch(TVMValue* args, int* codes, int count, TVMValue* result, int* code, void* resource) {
  (void)result;
  (void)code;
  (void)resource;
  for (int i = 0; i < count; i++) {
    if (codes[i] != kTVMDLTensorHandle) continue;
    const DLTensor* const tensor = args[i].v_handle;
    const uint64_t bytes = tensor_bytes(tensor);
    for (uint64_t at = 0; at < bytes; at++) ((volatile uint8_t*)tensor->data)[at]++;
  }
  return 0;
}

board_packed_t library_find(unsigned number, const span_t* name) {
  (void)number;
  return name->size > 0 && name->data[0] == '?' ? NULL : touch;
}
void library_hold(unsigned number) { (void)number; }
void library_release(unsigned number) { (void)number; }
const char* library_error(void) { return "an operator failed"; }

static uint64_t bytes_fed;
static void tell(void) { fprintf(stderr, "mutated bytes: %llu\n", (unsigned long long)bytes_fed); }

int LLVMFuzzerInitialize(int* argc, char*** argv) {
  (void)argc;
  (void)argv;
  return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static uint8_t memory[1 << 16];
  if (size < 2) return 0;
  bytes_fed += size;
  arena_init(memory, sizeof memory);
  size_t text_size = (size_t)(data[0] | data[1] << 8);
  if (text_size > size - 2) text_size = size - 2;
  /* Copied, so that the sanitizer knows where they end. */
  char* const text = malloc(text_size);
  char* const rest = malloc(size - 2 - text_size);
  if (text_size > 0) memcpy(text, data + 2, text_size);
  if (size - 2 > text_size) memcpy(rest, data + 2 + text_size, size - 2 - text_size);
  const span_t graph_text = {.data = text, .size = text_size};
  const span_t parameters = {.data = rest, .size = size - 2 - text_size};
  graph_t* graph = NULL;
  if (graph_create(&graph_text, 0, &graph) == NULL) {
    (void)graph_load(graph, &parameters);
    (void)graph_run(graph, true);
    graph_free(graph);
  }
  free(text);
  free(rest);
  return 0;
}
