// Values that no longer depend on the call they came from.
#ifndef TVM_NODE_TVM_VALUE_H_
#define TVM_NODE_TVM_VALUE_H_

#include <string>

#include "handle.h"

namespace tvm_node {

/** A result or a kept argument: strings and bytes are copied, references owned. May move between
 * threads. */
struct OwnedValue {
  int code = TypeCode::kNull;
  /** Of numbers, devices and opaque pointers. */
  TVMValue value{};
  /** Of strings and bytes. */
  std::string text;
  /** Of objects, modules, functions and arrays. */
  HandlePtr handle;

  /** Takes over what a call returned; the library keeps returned strings only until the thread's
   * next call. */
  static OwnedValue Take(TVMValue value, int code);
  /** Keeps what a callback was lent for the duration of its call. A raw tensor becomes an array of
   * its own. */
  static OwnedValue Keep(TVMValue value, int code);
};

/** Calls a packed function on this thread. */
OwnedValue CallPacked(void* function, TVMValue* values, int* codes, int count);

/** The content of a `runtime.String`, up to its first NUL: the ABI has no way to read further. */
std::string ReadString(const Handle& object);
/** Whether `object` is a `runtime.String`. */
bool IsString(const Handle& object);

/** A function of the library's registry that is there in every build; kept for the life of the
 * process. */
void* RequiredGlobal(const char* name);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_VALUE_H_
