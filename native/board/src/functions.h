/* What the host can call: global functions, operators of the system library, the network's executor and time evaluators. */
#ifndef TVM_NODE_BOARD_FUNCTIONS_H_
#define TVM_NODE_BOARD_FUNCTIONS_H_

#include <stddef.h>
#include <stdint.h>

#include "call.h"

/*
 * Handles are a kind in the upper and an index in the lower 16 bits, none of them a pointer; 0 is no function.
 */
uint64_t find_global(const span_t* name);

/* Calls a function by its handle. NULL on success, else what is wrong, which stays until the next call. */
const char* call_function(uint64_t handle, const arguments_t* arguments, result_t* result);

/* Frees what a handle of the kind `code` stands for, where it needs freeing. */
void free_object(int64_t code, uint64_t handle);

/* Bytes of the program's own variables, for the statistics. */
void note_variables(size_t bytes);

/* Forgets what a session held. */
void reset_functions(void);

#endif /* TVM_NODE_BOARD_FUNCTIONS_H_ */
