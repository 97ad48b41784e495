/*
 * What C that TVM generates calls, where it calls anything at all (TVM v0.18, include/tvm/runtime/c_backend_api.h).
 */
#ifndef TVM_RUNTIME_C_BACKEND_API_H_
#define TVM_RUNTIME_C_BACKEND_API_H_

#include <tvm/runtime/c_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Finds a packed function by name, for a module and what it imports. Returns 0, or -1. */
int TVMBackendGetFuncFromEnv(void* module, const char* name, TVMFunctionHandle* out);

/* Memory for the time of one call, freed in the reverse order; NULL where there is not enough. */
void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t bytes, int dtype_code_hint,
                               int dtype_bits_hint);
int TVMBackendFreeWorkspace(int device_type, int device_id, void* memory);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_C_BACKEND_API_H_ */
