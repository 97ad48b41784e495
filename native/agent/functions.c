#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "evaluator.h"
#include "executor.h"
#include "files.h"
#include "library.h"
#include "random_fill.h"

/* Parts of handles: of functions kind, object and index; of modules kind and number. None is a pointer. */
enum { GLOBAL = 1, SYMBOL = 2, EXECUTOR = 3, EVALUATOR = 4 };
enum { LIBRARY_MODULE = 0x10000, EXECUTOR_MODULE = 0x20000 };
enum { LEAST_ALIGNMENT = 8, CACHE_LINE = 64 };

static uint64_t handle_of(unsigned kind, unsigned object, unsigned index) {
  return (uint64_t)kind << 48 | (uint64_t)object << 32 | index;
}

/* Functions of libraries that the host holds. */
typedef struct {
  board_packed_t function;
  unsigned library;
} symbol_t;
static symbol_t* symbols;
static size_t symbol_count;

static uint64_t hold_symbol(board_packed_t function, unsigned library) {
  size_t i = 0;
  while (i < symbol_count && symbols[i].function != NULL) i++;
  if (i == symbol_count) {
    symbol_t* const grown = realloc(symbols, (symbol_count + 64) * sizeof *symbols);
    if (grown == NULL) return 0;
    memset(grown + symbol_count, 0, 64 * sizeof *grown);
    symbols = grown;
    symbol_count += 64;
  }
  symbols[i] = (symbol_t){function, library};
  library_hold(library);
  return handle_of(SYMBOL, 0, (unsigned)i);
}

static void release_symbol(uint64_t handle) {
  const size_t i = (uint32_t)handle;
  if (handle >> 48 != SYMBOL || i >= symbol_count || symbols[i].function == NULL) return;
  library_release(symbols[i].library);
  symbols[i].function = NULL;
}

static uint64_t find_in_module(int64_t module, const span_t* name) {
  const unsigned number = (unsigned)(module & 0xFFFF);
  if ((module & ~0xFFFF) == LIBRARY_MODULE) {
    const board_packed_t function = library_find(number, name);
    return function == NULL ? 0 : hold_symbol(function, number);
  }
  const int index = (module & ~0xFFFF) == EXECUTOR_MODULE ? executor_find(name) : -1;
  return index < 0 ? 0 : handle_of(EXECUTOR, number, (unsigned)index);
}

static result_t result_module(unsigned kind, unsigned number) {
  return (result_t){.code = ARG_MODULE, .value = {.v_int64 = (int64_t)(kind + number)}};
}

static bool is_bytes(const arguments_t* arguments, int i) {
  return i < arguments->count && (arguments->codes[i] == ARG_BYTES || arguments->codes[i] == kTVMStr);
}

static const char* upload(const arguments_t* arguments, result_t* result) {
  (void)result;
  if (!is_text(arguments, 0) || !is_bytes(arguments, 1)) return "upload takes a name and bytes";
  return files_write(&arguments->spans[0], &arguments->spans[1]);
}

static const char* download(const arguments_t* arguments, result_t* result) {
  static char* bytes;
  if (!is_text(arguments, 0)) return "download takes a name";
  free(bytes);
  bytes = NULL;
  size_t size = 0;
  const char* const wrong = files_read(&arguments->spans[0], &bytes, &size);
  if (wrong == NULL) *result = (result_t){.code = ARG_BYTES, .bytes = (const uint8_t*)bytes, .size = size};
  return wrong;
}

static const char* remove_file(const arguments_t* arguments, result_t* result) {
  (void)result;
  return is_text(arguments, 0) ? files_remove(&arguments->spans[0]) : "remove takes a name";
}

static const char* load_module(const arguments_t* arguments, result_t* result) {
  unsigned number = 0;
  if (!is_text(arguments, 0)) return "load_module takes a name";
  const char* const wrong = library_load(&arguments->spans[0], &number);
  if (wrong == NULL) *result = result_module(LIBRARY_MODULE, number);
  return wrong;
}

static const char* module_get_function(const arguments_t* arguments, result_t* result) {
  if (arguments->count < 2 || arguments->codes[0] != ARG_MODULE || !is_text(arguments, 1))
    return "ModuleGetFunction takes a module and a name";
  *result = function_result(find_in_module(arguments->values[0].v_int64, &arguments->spans[1]));
  return NULL;
}

static const char* graph_executor(const arguments_t* arguments, result_t* result) {
  unsigned number = 0;
  if (arguments->count < 2 || !is_text(arguments, 0) || arguments->codes[1] != ARG_MODULE ||
      (arguments->values[1].v_int64 & ~0xFFFF) != LIBRARY_MODULE)
    return "graph_executor.create takes a graph and a library";
  const unsigned library = (unsigned)(arguments->values[1].v_int64 & 0xFFFF);
  const char* const wrong = executor_create(&arguments->spans[0], library, &number);
  if (wrong == NULL) *result = result_module(EXECUTOR_MODULE, number);
  return wrong;
}

/* Of each time evaluator, the function that it holds. */
static uint64_t timed[BOARD_EVALUATORS];

/* Writes over more than caches hold, then leaves all arguments but the first out of them (TVM v0.18, src/runtime/rpc/rpc_module.cc). */
static void flush_caches(const arguments_t* arguments) {
  for (int i = 1; i < arguments->count; i++) {
    if (arguments->codes[i] != kTVMDLTensorHandle) continue;
    const DLTensor* const tensor = &arguments->tensors[i];
    const char* const data = (const char*)tensor->data + tensor->byte_offset;
    const uint64_t bytes = tensor_bytes(tensor);
    for (uint64_t at = 0; at < bytes; at += CACHE_LINE) {
#if defined(__x86_64__)
      __builtin_ia32_clflush(data + at);
#elif defined(__aarch64__)
      __asm__ volatile("dc civac, %0" : : "r"(data + at) : "memory");
#else
      (void)data;
#endif
    }
  }
#if defined(__aarch64__)
  __asm__ volatile("dsb ish" : : : "memory");
#elif defined(__x86_64__)
  __builtin_ia32_mfence();
#endif
}

static const char* time_evaluator(const arguments_t* arguments, result_t* result) {
  evaluator_t settings;
  const char* wrong = evaluator_settings(arguments, &settings);
  if (wrong != NULL) return wrong;
  if (is_text(arguments, 11) && text_equals(&arguments->spans[11], "cache_flush_cpu_non_first_arg"))
    settings.before = flush_caches;
  settings.function = find_in_module(arguments->values[0].v_int64, &arguments->spans[1]);
  if (settings.function == 0) return "there is no function of that name to time";
  int slot = 0;
  wrong = evaluator_add(&settings, &slot);
  if (wrong != NULL) {
    release_symbol(settings.function);
    return wrong;
  }
  timed[slot] = settings.function;
  *result = function_result(handle_of(EVALUATOR, 0, (unsigned)slot));
  return NULL;
}

static const struct {
  const char* name;
  const char* (*call)(const arguments_t* arguments, result_t* result);
} globals[] = {
    {"tvm.rpc.server.upload", upload},
    {"tvm.rpc.server.download", download},
    {"tvm.rpc.server.download_linked_module", download},
    {"tvm.rpc.server.remove", remove_file},
    {"tvm.rpc.server.load_module", load_module},
    {"tvm.rpc.server.ModuleGetFunction", module_get_function},
    {"runtime.RPCTimeEvaluator", time_evaluator},
    {"tvm.contrib.random.random_fill", random_fill},
    {"tvm.graph_executor.create", graph_executor},
    {"tvm.graph_executor_debug.create", graph_executor},
};
enum { GLOBALS = sizeof globals / sizeof globals[0] };

uint64_t find_global(const span_t* name) {
  for (unsigned i = 0; i < GLOBALS; i++)
    if (text_equals(name, globals[i].name)) return handle_of(GLOBAL, 0, i);
  return 0;
}

static const char* call_symbol(size_t index, const arguments_t* arguments, result_t* result) {
  if (index >= symbol_count || symbols[index].function == NULL) return "there is no such function";
  TVMValue values[BOARD_MAX_ARGS];
  int codes[BOARD_MAX_ARGS];
  const char* const wrong = take_arguments(arguments, LEAST_ALIGNMENT, values, codes);
  if (wrong != NULL) return wrong;
  TVMValue value = {.v_int64 = 0};
  int code = kTVMNullptr;
  if (symbols[index].function(values, codes, arguments->count, &value, &code, NULL) != 0) return library_error();
  *result = (result_t){.code = kTVMNullptr};
  return NULL;
}

const char* call_function(uint64_t handle, const arguments_t* arguments, result_t* result) {
  const unsigned object = (unsigned)(handle >> 32 & 0xFFFFU);
  const unsigned index = (uint32_t)handle;
  *result = (result_t){.code = kTVMNullptr};
  switch (handle >> 48) {
    case GLOBAL:
      return index < GLOBALS ? globals[index].call(arguments, result) : "there is no such function";
    case SYMBOL:
      return call_symbol(index, arguments, result);
    case EXECUTOR:
      return executor_call(object, index, arguments, result);
    case EVALUATOR:
      return evaluator_run((int)(index & 0xFFFFU), arguments, result);
    default:
      return "there is no such function";
  }
}

void free_object(int64_t code, uint64_t handle) {
  const unsigned number = (unsigned)(handle & 0xFFFFU);
  if (code == ARG_MODULE) {
    if ((handle & ~(uint64_t)0xFFFFU) == LIBRARY_MODULE) library_release(number);
    if ((handle & ~(uint64_t)0xFFFFU) == EXECUTOR_MODULE) executor_destroy(number);
  } else if (code == ARG_FUNCTION && handle >> 48 == EVALUATOR && number < BOARD_EVALUATORS) {
    evaluator_remove((int)number);
    release_symbol(timed[number]);
    timed[number] = 0;
  } else if (code == ARG_FUNCTION) {
    release_symbol(handle);
  }
}

/* A session is a process: nothing outlives it. */
void reset_functions(void) {}

/* There is no network in the program itself. */
const board_tensor_t model_inputs[1];
const size_t model_input_count = 0;
const board_tensor_t model_outputs[1];
const size_t model_output_count = 0;
