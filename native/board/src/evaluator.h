/* Times functions on the board (TVM v0.18, src/runtime/crt/common/crt_runtime_api.c, RPCTimeEvaluator). */
#ifndef TVM_NODE_BOARD_EVALUATOR_H_
#define TVM_NODE_BOARD_EVALUATOR_H_

#include <stdint.h>

#include "call.h"

typedef struct {
  /* 0 in a slot that is free. */
  uint64_t function;
  int64_t number;
  int64_t repeat;
  int64_t min_repeat_ms;
  int64_t zero_limit;
  int64_t cooldown_ms;
  int64_t cooldown_every;
  /* Called before each measurement, or NULL. */
  void (*before)(const arguments_t* arguments);
} evaluator_t;

/* What the host asks for, but for the function (RPCTimeEvaluator: TVM v0.18, src/runtime/rpc/rpc_module.cc). NULL, or what is wrong. */
const char* evaluator_settings(const arguments_t* arguments, evaluator_t* settings);

const char* evaluator_add(const evaluator_t* settings, int* slot);
void evaluator_remove(int slot);
void evaluator_reset(void);

/* Calls the function with the arguments; the result is seconds a call, a double for each repetition. */
const char* evaluator_run(int slot, const arguments_t* arguments, result_t* result);

#endif /* TVM_NODE_BOARD_EVALUATOR_H_ */
