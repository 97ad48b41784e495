/*
 * Part of every shared library made of generated C: the functions of the TVM runtime that the code calls, which no one
 * else sees, forward through pointers. TVM's loader finds the pointers by their names and fills them (TVM v0.18,
 * src/runtime/library_module.cc, InitContextFunctions), so that a host need not make the runtime's symbols global.
 */
#include <tvm/runtime/c_backend_api.h>

#define HIDDEN __attribute__((visibility("hidden")))

TVM_DLL int (*__TVMFuncCall)(TVMFunctionHandle, TVMValue*, int*, int, TVMValue*, int*);
TVM_DLL void (*__TVMAPISetLastError)(const char*);
TVM_DLL int (*__TVMBackendGetFuncFromEnv)(void*, const char*, TVMFunctionHandle*);
TVM_DLL void* (*__TVMBackendAllocWorkspace)(int, int, uint64_t, int, int);
TVM_DLL int (*__TVMBackendFreeWorkspace)(int, int, void*);

HIDDEN int TVMFuncCall(TVMFunctionHandle func, TVMValue* args, int* type_codes, int num_args,
                       TVMValue* ret_val, int* ret_type_code) {
  return __TVMFuncCall(func, args, type_codes, num_args, ret_val, ret_type_code);
}

HIDDEN void TVMAPISetLastError(const char* message) { __TVMAPISetLastError(message); }

HIDDEN int TVMBackendGetFuncFromEnv(void* module, const char* name, TVMFunctionHandle* out) {
  return __TVMBackendGetFuncFromEnv(module, name, out);
}

HIDDEN void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t bytes,
                                      int dtype_code_hint, int dtype_bits_hint) {
  return __TVMBackendAllocWorkspace(device_type, device_id, bytes, dtype_code_hint,
                                    dtype_bits_hint);
}

HIDDEN int TVMBackendFreeWorkspace(int device_type, int device_id, void* memory) {
  return __TVMBackendFreeWorkspace(device_type, device_id, memory);
}
