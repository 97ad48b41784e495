/* The module of the ahead-of-time executor (TVM v0.18, src/runtime/crt/aot_executor_module), over the network of this program. */
#ifndef TVM_NODE_BOARD_AOT_EXECUTOR_H_
#define TVM_NODE_BOARD_AOT_EXECUTOR_H_

#include <stdbool.h>

#include "call.h"

/* The index of a function, or -1. */
int aot_find(const span_t* name);

/* Whether the function is the one that runs the network. */
bool aot_runs(int index);

const char* aot_call(int index, const arguments_t* arguments, result_t* result);

#endif /* TVM_NODE_BOARD_AOT_EXECUTOR_H_ */
