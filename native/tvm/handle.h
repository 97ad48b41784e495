// Owned references to what lives in the TVM library: each is released exactly once.
#ifndef TVM_NODE_TVM_HANDLE_H_
#define TVM_NODE_TVM_HANDLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "library.h"

namespace tvm_node {

enum class Kind : int { kObject = 0, kPackedFunc = 1, kModule = 2, kNDArray = 3 };
constexpr int kKinds = 4;

/** How many handles of each kind are alive in this process. */
int64_t LiveHandles(Kind kind);

/** A reference with its kind; shared between a JavaScript object and the calls in flight that use
 * it. */
class Handle {
 public:
  Handle(Kind kind, void* pointer);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Kind kind() const { return kind_; }
  void* get() const { return pointer_; }
  DLTensor* tensor() const { return static_cast<DLTensor*>(pointer_); }
  /** The type code under which the handle travels as an argument. */
  int type_code() const;

 private:
  Kind kind_;
  void* pointer_;
};

using HandlePtr = std::shared_ptr<Handle>;

/** The number of an object's type, which holds for this process. */
unsigned TypeIndexOf(const Handle& object);
/** The name of a type, for example `relay.Var`. */
std::string TypeKeyOf(unsigned index);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_HANDLE_H_
