#include "value.h"

#include "tensor.h"

namespace tvm_node {
namespace {

Kind KindOf(int code) {
  switch (code) {
    case TypeCode::kModule:
      return Kind::kModule;
    case TypeCode::kPackedFunc:
      return Kind::kPackedFunc;
    case TypeCode::kNDArray:
      return Kind::kNDArray;
    default:
      return Kind::kObject;
  }
}

HandlePtr CopyTensor(DLTensor* from) {
  const CApi& api = Library::Api();
  DLTensor* copy = nullptr;
  Check(api.TVMArrayAlloc(from->shape, from->ndim, from->dtype.code, from->dtype.bits,
                          from->dtype.lanes, from->device.type, from->device.id, &copy));
  auto handle = std::make_shared<Handle>(Kind::kNDArray, copy);
  if (from->device.type == kCpu) {
    Gather(*from, static_cast<uint8_t*>(copy->data));
  } else {
    Check(api.TVMArrayCopyFromTo(from, copy, nullptr));
  }
  return handle;
}

}  // namespace

OwnedValue OwnedValue::Take(TVMValue value, int code) {
  OwnedValue owned;
  owned.code = code;
  switch (code) {
    case TypeCode::kStr:
      if (value.v_str) owned.text = value.v_str;
      break;
    case TypeCode::kBytes: {
      auto* bytes = static_cast<TVMByteArray*>(value.v_handle);
      owned.text.assign(bytes->data, bytes->size);
      break;
    }
    case TypeCode::kDataType:
      owned.code = TypeCode::kStr;
      owned.text = DataTypeName(value.v_type);
      break;
    case TypeCode::kObject:
    case TypeCode::kModule:
    case TypeCode::kPackedFunc:
    case TypeCode::kNDArray:
      owned.handle = std::make_shared<Handle>(KindOf(code), value.v_handle);
      break;
    default:
      owned.value = value;
      break;
  }
  return owned;
}

OwnedValue OwnedValue::Keep(TVMValue value, int code) {
  switch (code) {
    case TypeCode::kObject:
    case TypeCode::kModule:
    case TypeCode::kPackedFunc:
    case TypeCode::kNDArray:
    case TypeCode::kRValueRef:
      Check(Library::Api().TVMCbArgToReturn(&value, &code));
      break;
    case TypeCode::kDLTensor: {
      OwnedValue owned;
      if (!value.v_handle) return owned;
      owned.code = TypeCode::kNDArray;
      owned.handle = CopyTensor(static_cast<DLTensor*>(value.v_handle));
      return owned;
    }
    default:
      break;
  }
  return Take(value, code);
}

OwnedValue CallPacked(void* function, TVMValue* values, int* codes, int count) {
  TVMValue value{};
  int code = TypeCode::kNull;
  Check(Library::Api().TVMFuncCall(function, values, codes, count, &value, &code));
  return OwnedValue::Take(value, code);
}

bool IsString(const Handle& object) {
  static const unsigned string_index = [] {
    unsigned index = 0;
    Check(Library::Api().TVMObjectTypeKey2Index("runtime.String", &index));
    return index;
  }();
  unsigned index = 0;
  Check(Library::Api().TVMObjectGetTypeIndex(object.get(), &index));
  return index == string_index;
}

std::string ReadString(const Handle& object) {
  static void* const reader = RequiredGlobal("runtime.GetFFIString");
  TVMValue value{};
  value.v_handle = object.get();
  int code = TypeCode::kObject;
  return CallPacked(reader, &value, &code, 1).text;
}

void* RequiredGlobal(const char* name) {
  void* function = nullptr;
  Check(Library::Api().TVMFuncGetGlobal(name, &function));
  if (!function)
    throw CodedError("ERR_UNKNOWN_FUNCTION",
                     std::string("the TVM library has no function ") + name);
  return function;
}

}  // namespace tvm_node
