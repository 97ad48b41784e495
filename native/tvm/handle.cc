#include "handle.h"

#include <cstdlib>

namespace tvm_node {
namespace {
std::atomic<int64_t> live_[kKinds];
}  // namespace

int64_t LiveHandles(Kind kind) { return live_[static_cast<int>(kind)].load(); }

Handle::Handle(Kind kind, void* pointer) : kind_(kind), pointer_(pointer) {
  live_[static_cast<int>(kind)]++;
}

Handle::~Handle() {
  live_[static_cast<int>(kind_)]--;
  const CApi& api = Library::Api();
  if (kind_ == Kind::kNDArray) {
    api.TVMArrayFree(tensor());
  } else {
    api.TVMObjectFree(pointer_);
  }
}

int Handle::type_code() const {
  switch (kind_) {
    case Kind::kPackedFunc:
      return TypeCode::kPackedFunc;
    case Kind::kModule:
      return TypeCode::kModule;
    case Kind::kNDArray:
      return TypeCode::kNDArray;
    case Kind::kObject:
      break;
  }
  return TypeCode::kObject;
}

unsigned TypeIndexOf(const Handle& object) {
  unsigned index = 0;
  Check(Library::Api().TVMObjectGetTypeIndex(object.get(), &index));
  return index;
}

std::string TypeKeyOf(unsigned index) {
  char* key = nullptr;
  Check(Library::Api().TVMObjectTypeIndex2Key(index, &key));
  const std::unique_ptr<char, decltype(&free)> owned(key, free);
  return key;
}

}  // namespace tvm_node
