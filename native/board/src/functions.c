#include "functions.h"

#include <string.h>

#include "aot_executor.h"
#include "arena.h"
#include "backend.h"
#include "board.h"
#include "board_config.h"
#include "evaluator.h"
#include "random_fill.h"
#include "rpc.h"
#include "stack.h"

enum { GLOBAL = 1, OPERATOR = 2, EXECUTOR = 3, EVALUATOR = 4 };
enum { SYSTEM_LIBRARY = 0x8000, EXECUTOR_MODULE = 0x8001 };

static uint64_t handle_of(unsigned kind, unsigned index) { return (uint64_t)kind << 16 | index; }

/* Ticks that operators and networks took since the host last asked. */
static uint64_t call_ticks;
static size_t variables;

static uint64_t find_in_module(int64_t module, const span_t* name) {
  if (module == SYSTEM_LIBRARY) {
    for (size_t i = 0; i < model_operator_count; i++)
      if (text_equals(name, model_operators[i].name)) return handle_of(OPERATOR, (unsigned)i);
  } else if (module == EXECUTOR_MODULE) {
    const int index = aot_find(name);
    if (index >= 0) return handle_of(EXECUTOR, (unsigned)index);
  }
  return 0;
}

static const char* system_library(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  *result = (result_t){.code = ARG_MODULE, .value = {.v_int64 = SYSTEM_LIBRARY}};
  return NULL;
}

static const char* module_get_function(const arguments_t* arguments, result_t* result) {
  if (arguments->count < 2 || arguments->codes[0] != ARG_MODULE || !is_text(arguments, 1))
    return "ModuleGetFunction takes a module and a name";
  *result = function_result(find_in_module(arguments->values[0].v_int64, &arguments->spans[1]));
  return NULL;
}

static const char* max_packet_size(const arguments_t* arguments, result_t* result) {
  (void)arguments;
  *result = (result_t){.code = kTVMArgInt, .value = {.v_int64 = RPC_PACKET_BYTES}};
  return NULL;
}

static const char* time_evaluator(const arguments_t* arguments, result_t* result) {
  evaluator_t settings;
  const char* wrong = evaluator_settings(arguments, &settings);
  if (wrong != NULL) return wrong;
  settings.function = find_in_module(arguments->values[0].v_int64, &arguments->spans[1]);
  if (settings.function == 0) return "there is no function of that name to time";
  int slot = 0;
  wrong = evaluator_add(&settings, &slot);
  if (wrong == NULL) *result = function_result(handle_of(EVALUATOR, (unsigned)slot));
  return wrong;
}

static const char* aot_create(const arguments_t* arguments, result_t* result) {
  if (arguments->count != 3 || arguments->codes[0] != ARG_MODULE || !is_text(arguments, 2))
    return "aot_executor.create takes a module, a device and a name";
  if (model_run == NULL) return "this program has no network for the ahead-of-time executor";
  if (!text_equals(&arguments->spans[2], model_name)) return "this program has no network of that name";
  *result = (result_t){.code = ARG_MODULE, .value = {.v_int64 = EXECUTOR_MODULE}};
  return NULL;
}

enum { STATISTICS = 10 };

/* Numbers of 64 bits: ticks a second, whether ticks are instructions, ticks of calls since the last time, then bytes: of the
   program's variables, of the arena in all, in use and at most, of the stack in all and at most, and of what a message may hold. */
static const char* statistics(const arguments_t* arguments, result_t* result) {
  static uint8_t bytes[STATISTICS * 8];
  (void)arguments;
  size_t stack_size = 0;
  size_t stack_peak = 0;
  stack_usage(&stack_size, &stack_peak);
  const uint64_t numbers[STATISTICS] = {
      port_ticks_per_second, BOARD_COUNTS_INSTRUCTIONS, call_ticks, variables,  arena_size(),
      arena_used(),          arena_peak(),              stack_size, stack_peak, BOARD_MESSAGE_BYTES};
  writer_t writer = {.data = bytes, .capacity = sizeof bytes};
  for (int i = 0; i < STATISTICS; i++) write_u64(&writer, numbers[i]);
  call_ticks = 0;
  *result = (result_t){.code = ARG_BYTES, .bytes = bytes, .size = sizeof bytes};
  return NULL;
}

static const struct {
  const char* name;
  const char* (*call)(const arguments_t* arguments, result_t* result);
} globals[] = {
    {"runtime.SystemLib", system_library},
    {"tvm.rpc.server.ModuleGetFunction", module_get_function},
    {"tvm.rpc.server.GetCRTMaxPacketSize", max_packet_size},
    {"runtime.RPCTimeEvaluator", time_evaluator},
    {"tvm.contrib.random.random_fill", random_fill},
    {"tvm.aot_executor.create", aot_create},
    {"tvm_node.board.statistics", statistics},
};
enum { GLOBALS = sizeof globals / sizeof globals[0] };

uint64_t find_global(const span_t* name) {
  for (unsigned i = 0; i < GLOBALS; i++)
    if (text_equals(name, globals[i].name)) return handle_of(GLOBAL, i);
  return 0;
}

static const char* call_operator(const board_operator_t* operator, const arguments_t* arguments,
                                 result_t* result) {
  TVMValue values[BOARD_MAX_ARGS];
  int codes[BOARD_MAX_ARGS];
  const char* const wrong = take_arguments(arguments, 8, values, codes);
  if (wrong != NULL) return wrong;
  TVMValue value = {.v_int64 = 0};
  int code = kTVMNullptr;
  backend_begin();
  const int32_t status = operator->call(values, codes, arguments->count, &value, &code, NULL);
  backend_end();
  *result = (result_t){.code = kTVMNullptr};
  if (status == 0) return NULL;
  return backend_error() != NULL ? backend_error() : "an operator failed";
}

const char* call_function(uint64_t handle, const arguments_t* arguments, result_t* result) {
  const unsigned index = (unsigned)(handle & 0xFFFFU);
  *result = (result_t){.code = kTVMNullptr};
  switch (handle >> 16) {
    case GLOBAL:
      return index < GLOBALS ? globals[index].call(arguments, result) : "there is no such function";
    case OPERATOR: {
      if (index >= model_operator_count) return "there is no such operator";
      const uint64_t begin = port_ticks();
      const char* const wrong = call_operator(&model_operators[index], arguments, result);
      call_ticks += port_ticks() - begin;
      return wrong;
    }
    case EXECUTOR: {
      const uint64_t begin = port_ticks();
      const char* const wrong = aot_call((int)index, arguments, result);
      if (aot_runs((int)index)) call_ticks += port_ticks() - begin;
      return wrong;
    }
    case EVALUATOR:
      return evaluator_run((int)index, arguments, result);
    default:
      return "there is no such function";
  }
}

void free_object(int64_t code, uint64_t handle) {
  if (code == ARG_FUNCTION && handle >> 16 == EVALUATOR) evaluator_remove((int)(handle & 0xFFFFU));
}

void note_variables(size_t bytes) { variables = bytes; }

void reset_functions(void) {
  call_ticks = 0;
  evaluator_reset();
}
