// TVM 0.18's C ABI, declared by us: value layouts, type codes and the entry points that are looked
// up with dlsym.
#ifndef TVM_NODE_TVM_C_API_H_
#define TVM_NODE_TVM_C_API_H_

#include <cstddef>
#include <cstdint>

namespace tvm_node {

struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct DLDevice {
  int32_t type;
  int32_t id;
};

struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
static_assert(sizeof(DLTensor) == 48, "the ABI's tensor has 48 bytes");

struct DLManagedTensor {
  DLTensor tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};

struct TVMByteArray {
  const char* data;
  size_t size;
};

union TVMValue {
  int64_t v_int64;
  double v_float64;
  void* v_handle;
  const char* v_str;
  DLDataType v_type;
  DLDevice v_device;
};
static_assert(sizeof(TVMValue) == 8, "the ABI's value has 8 bytes");

enum TypeCode : int {
  kInt = 0,
  kUInt = 1,
  kFloat = 2,
  kOpaque = 3,
  kNull = 4,
  kDataType = 5,
  kDevice = 6,
  kDLTensor = 7,
  kObject = 8,
  kModule = 9,
  kPackedFunc = 10,
  kStr = 11,
  kBytes = 12,
  kNDArray = 13,
  kRValueRef = 14,
  kBool = 15,
};

using PackedCFunc = int (*)(TVMValue* args, int* codes, int count, void* ret, void* context);
using Finalizer = void (*)(void* context);

// Every entry point used; X(return type, name, parameters).
#define TVM_NODE_C_API(X)                                                           \
  X(const char*, TVMGetLastError, (void))                                           \
  X(const char*, TVMGetLastBacktrace, (void))                                       \
  X(void, TVMAPISetLastError, (const char*))                                        \
  X(int, TVMFuncGetGlobal, (const char*, void**))                                   \
  X(int, TVMFuncListGlobalNames, (int*, const char***))                             \
  X(int, TVMFuncRegisterGlobal, (const char*, void*, int))                          \
  X(int, TVMFuncRemoveGlobal, (const char*))                                        \
  X(int, TVMFuncCall, (void*, TVMValue*, int*, int, TVMValue*, int*))               \
  X(int, TVMFuncFree, (void*))                                                      \
  X(int, TVMFuncCreateFromCFunc, (PackedCFunc, void*, Finalizer, void**))           \
  X(int, TVMCFuncSetReturn, (void*, TVMValue*, int*, int))                          \
  X(int, TVMCbArgToReturn, (TVMValue*, int*))                                       \
  X(int, TVMModFree, (void*))                                                       \
  X(int, TVMModImport, (void*, void*))                                              \
  X(int, TVMModGetFunction, (void*, const char*, int, void**))                      \
  X(int, TVMModLoadFromFile, (const char*, const char*, void**))                    \
  X(int, TVMArrayAlloc, (const int64_t*, int, int, int, int, int, int, DLTensor**)) \
  X(int, TVMArrayFree, (DLTensor*))                                                 \
  X(int, TVMArrayCopyFromBytes, (DLTensor*, void*, size_t))                         \
  X(int, TVMArrayCopyToBytes, (DLTensor*, void*, size_t))                           \
  X(int, TVMArrayCopyFromTo, (DLTensor*, DLTensor*, void*))                         \
  X(int, TVMArrayFromDLPack, (DLManagedTensor*, DLTensor**))                        \
  X(int, TVMObjectGetTypeIndex, (void*, unsigned*))                                 \
  X(int, TVMObjectTypeKey2Index, (const char*, unsigned*))                          \
  X(int, TVMObjectTypeIndex2Key, (unsigned, char**))                                \
  X(int, TVMObjectRetain, (void*))                                                  \
  X(int, TVMObjectFree, (void*))

struct CApi {
#define TVM_NODE_FIELD(ret, name, params) ret(*name) params = nullptr;
  TVM_NODE_C_API(TVM_NODE_FIELD)
#undef TVM_NODE_FIELD
};

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_C_API_H_
