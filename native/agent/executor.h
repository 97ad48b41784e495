/* Networks that run, and their functions by the names that TVM's clients have for them. */
#ifndef TVM_NODE_AGENT_EXECUTOR_H_
#define TVM_NODE_AGENT_EXECUTOR_H_

#include "call.h"

const char* executor_create(const span_t* graph, unsigned library, unsigned* number);
void executor_destroy(unsigned number);

/* Index of an executor's function, or -1. */
int executor_find(const span_t* name);
const char* executor_call(unsigned number, unsigned index, const arguments_t* arguments, result_t* result);

#endif /* TVM_NODE_AGENT_EXECUTOR_H_ */
