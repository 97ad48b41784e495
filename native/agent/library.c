#define _POSIX_C_SOURCE 200809L
#include "library.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "threads.h"

enum { MOST_LIBRARIES = 256, LONGEST_NAME = 256, WORKSPACE_ALIGNMENT = 64 };

static void* libraries[MOST_LIBRARIES];
static unsigned holders[MOST_LIBRARIES];
static char problem[1024];

const char* library_error(void) { return problem; }

static void set_last_error(const char* message) { (void)snprintf(problem, sizeof problem, "%s", message); }

static void* allocate_workspace(int device_type, int device_id, uint64_t bytes, int code, int bits) {
  (void)device_type;
  (void)device_id;
  (void)code;
  (void)bits;
  void* memory = NULL;
  if (bytes > SIZE_MAX / 2 || posix_memalign(&memory, WORKSPACE_ALIGNMENT, bytes == 0 ? 1 : (size_t)bytes) != 0)
    set_last_error("there is not enough memory for an operator's workspace");
  return memory;
}

static int free_workspace(int device_type, int device_id, void* memory) {
  (void)device_type;
  (void)device_id;
  free(memory);
  return 0;
}

static int refuse_function(void* module, const char* name, void** out) {
  (void)module;
  *out = NULL;
  (void)snprintf(problem, sizeof problem, "the code calls '%s', which this board's agent does not have", name);
  return -1;
}

static int refuse_call(void* function, TVMValue* args, int* codes, int count, TVMValue* result, int* code) {
  (void)function;
  (void)args;
  (void)codes;
  (void)count;
  (void)result;
  (void)code;
  return -1;
}

/* Data and function pointers are of one kind in POSIX, but not in C. */
typedef void (*any_function_t)(void);

static void fill(void* library, const char* name, any_function_t function) {
  void* const place = dlsym(library, name);
  if (place != NULL) memcpy(place, &function, sizeof function);
}

static void fill_context(void* library) {
  fill(library, "__TVMAPISetLastError", (any_function_t)set_last_error);
  fill(library, "__TVMBackendAllocWorkspace", (any_function_t)allocate_workspace);
  fill(library, "__TVMBackendFreeWorkspace", (any_function_t)free_workspace);
  fill(library, "__TVMBackendGetFuncFromEnv", (any_function_t)refuse_function);
  fill(library, "__TVMFuncCall", (any_function_t)refuse_call);
  fill(library, "__TVMBackendParallelLaunch", (any_function_t)threads_launch);
  fill(library, "__TVMBackendParallelBarrier", (any_function_t)threads_barrier);
  void* const context = dlsym(library, "__tvm_module_ctx");
  if (context != NULL) memcpy(context, &library, sizeof library);
}

const char* library_load(const span_t* name, unsigned* number) {
  char path[LONGEST_PATH];
  const char* const wrong = files_path(name, path);
  if (wrong != NULL) return wrong;
  const size_t size = strlen(path);
  if (size < 3 || strcmp(path + size - 3, ".so") != 0)
    return "this board's agent loads shared libraries (.so); link objects on the host";
  for (unsigned i = 0; i < MOST_LIBRARIES; i++) {
    if (libraries[i] != NULL) continue;
    libraries[i] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (libraries[i] == NULL) {
      (void)snprintf(problem, sizeof problem, "the library cannot be loaded on the board: %s", dlerror());
      return problem;
    }
    fill_context(libraries[i]);
    holders[i] = 1;
    *number = i;
    return NULL;
  }
  return "too many libraries are loaded";
}

void library_hold(unsigned number) { holders[number]++; }

void library_release(unsigned number) {
  if (number >= MOST_LIBRARIES || libraries[number] == NULL || --holders[number] > 0) return;
  (void)dlclose(libraries[number]);
  libraries[number] = NULL;
}

board_packed_t library_find(unsigned number, const span_t* name) {
  static const char kMain[] = "__tvm_main__";
  if (number >= MOST_LIBRARIES || libraries[number] == NULL || name->size >= LONGEST_NAME) return NULL;
  char text[LONGEST_NAME] = {0};
  memcpy(text, name->data, name->size);
  const char* symbol = text;
  /* A library's main function is a text: another's name. */
  if (strcmp(text, kMain) == 0) symbol = dlsym(libraries[number], kMain);
  void* const found = symbol == NULL ? NULL : dlsym(libraries[number], symbol);
  board_packed_t function = NULL;
  memcpy(&function, &found, sizeof function);
  return function;
}
