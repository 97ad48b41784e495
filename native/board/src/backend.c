#include "backend.h"

#include <string.h>
#include <tvm/runtime/c_backend_api.h>

#include "arena.h"

enum { DEEPEST = 32 };

static const char* error;
static void* workspaces[DEEPEST];
static int depth;

void backend_begin(void) {
  error = NULL;
  depth = 0;
}

void backend_end(void) {
  while (depth > 0) (void)arena_free(workspaces[--depth]);
}

const char* backend_error(void) { return error; }

/* Generated code passes literals. */
void TVMAPISetLastError(const char* message) { error = message; }

void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t bytes, int dtype_code_hint,
                               int dtype_bits_hint) {
  (void)device_type;
  (void)device_id;
  (void)dtype_code_hint;
  (void)dtype_bits_hint;
  void* const memory = depth < DEEPEST ? arena_allocate(bytes) : NULL;
  if (memory == NULL) error = "there is not enough memory for an operator's workspace";
  if (memory != NULL) workspaces[depth++] = memory;
  return memory;
}

int TVMBackendFreeWorkspace(int device_type, int device_id, void* memory) {
  (void)device_type;
  (void)device_id;
  for (int i = depth - 1; i >= 0; i--) {
    if (workspaces[i] != memory) continue;
    memmove(&workspaces[i], &workspaces[i + 1], (size_t)(depth - 1 - i) * sizeof workspaces[0]);
    depth--;
    return arena_free(memory) ? 0 : -1;
  }
  return -1;
}

int TVMBackendGetFuncFromEnv(void* module, const char* name, TVMFunctionHandle* out) {
  (void)module;
  (void)name;
  *out = NULL;
  error = "this board has no functions of others for operators to call";
  return -1;
}

int TVMFuncCall(TVMFunctionHandle func, TVMValue* args, int* type_codes, int num_args,
                TVMValue* ret_val, int* ret_type_code) {
  (void)func;
  (void)args;
  (void)type_codes;
  (void)num_args;
  (void)ret_val;
  (void)ret_type_code;
  error = "this board has no functions of others for operators to call";
  return -1;
}
