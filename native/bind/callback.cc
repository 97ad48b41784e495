// JavaScript functions as packed functions.
#include <cstring>

#include "convert.h"

namespace tvm_node {
namespace {

struct Callback {
  std::shared_ptr<EnvState> state;
  Napi::FunctionReference function;
};

// The library owns callbacks and may drop them on any thread, and after the environment has ended.
void Release(void* context) {
  auto* callback = static_cast<Callback*>(context);
  auto state = callback->state;
  if (!state->alive()) {
    callback->function.SuppressDestruct();
    delete callback;
  } else if (state->OnThread()) {
    delete callback;
  } else {
    state->Post([callback] { delete callback; });
  }
}

// A borrowed argument made to outlive the call.
Result Borrow(TVMValue value, int code) {
  const CApi& api = Library::Api();
  switch (code) {
    case TypeCode::kObject:
    case TypeCode::kModule:
    case TypeCode::kPackedFunc:
    case TypeCode::kNDArray:
    case TypeCode::kRValueRef:
      Check(api.TVMCbArgToReturn(&value, &code));
      break;
    case TypeCode::kDLTensor: {
      auto* from = static_cast<DLTensor*>(value.v_handle);
      DLTensor* copy = nullptr;
      Check(api.TVMArrayAlloc(from->shape, from->ndim, from->dtype.code, from->dtype.bits, from->dtype.lanes,
                              from->device.type, from->device.id, &copy));
      value.v_handle = copy;
      code = TypeCode::kNDArray;
      Check(api.TVMArrayCopyFromTo(from, copy, nullptr));
      break;
    }
    case TypeCode::kDataType: {
      static const char* names[] = {"int", "uint", "float", "handle", "bfloat"};
      const DLDataType type = value.v_type;
      Result result;
      result.code = TypeCode::kStr;
      result.text = type.code < 5 ? names[type.code] : "custom";
      result.text += std::to_string(type.bits);
      if (type.lanes != 1) result.text += "x" + std::to_string(type.lanes);
      if (type.code == 1 && type.bits == 1 && type.lanes == 1) result.text = "bool";
      return result;
    }
    default:
      break;
  }
  return Result::Own(value, code);
}

void Serve(Callback* callback, TVMValue* values, int* codes, int count, void* ret) {
  EnvState& state = *callback->state;
  Napi::HandleScope scope(state.env());
  std::vector<napi_value> arguments;
  arguments.reserve(count);
  for (int i = 0; i < count; i++) arguments.push_back(Borrow(values[i], codes[i]).ToJs(state));
  Napi::Value answer = callback->function.Call(arguments);
  if (answer.IsUndefined() || answer.IsNull()) return;
  Arguments result(state);
  result.Add(answer);
  Check(Library::Api().TVMCFuncSetReturn(ret, result.values(), result.codes(), 1));
}

// Runs on the JavaScript thread; returns the error text, empty on success.
std::string ServeGuarded(Callback* callback, TVMValue* values, int* codes, int count, void* ret) {
  try {
    Serve(callback, values, codes, count, ret);
    return "";
  } catch (const Napi::Error& error) {
    EnvState& state = *callback->state;
    Napi::HandleScope scope(state.env());
    Napi::Value thrown = error.Value();
    std::string name = "Error";
    if (thrown.IsObject() && thrown.As<Napi::Object>().Get("name").IsString()) {
      name = thrown.As<Napi::Object>().Get("name").As<Napi::String>();
    }
    const uint64_t number = state.KeepThrown(thrown);
    std::string message = error.Message();
    const size_t line_end = message.find('\n');
    if (line_end != std::string::npos) message.resize(line_end);
    return name + ": " + message + " [thrown in JavaScript #" + std::to_string(number) + "]";
  } catch (const std::exception& error) {
    return std::string("Error: ") + error.what();
  } catch (...) {
    return "Error: unknown C++ exception in a callback";
  }
}

int Invoke(TVMValue* values, int* codes, int count, void* ret, void* context) {
  auto* callback = static_cast<Callback*>(context);
  EnvState& state = *callback->state;
  std::string problem;
  if (!state.alive()) {
    problem = "JavaScriptError: the environment of this function has ended";
  } else if (state.OnThread()) {
    problem = ServeGuarded(callback, values, codes, count, ret);
  } else if (!state.RunErrand([&] { problem = ServeGuarded(callback, values, codes, count, ret); })) {
    problem = "JavaScriptError: the JavaScript thread is busy in a synchronous call and cannot serve another thread";
  }
  if (problem.empty()) return 0;
  Library::Api().TVMAPISetLastError(problem.c_str());
  return -1;
}

}  // namespace

void* MakeCallback(EnvState& state, Napi::Function function) {
  auto* callback = new Callback{state.shared_from_this(), Napi::Persistent(function)};
  void* handle = nullptr;
  if (Library::Api().TVMFuncCreateFromCFunc(Invoke, callback, Release, &handle) != 0) {
    delete callback;
    Check(-1);
  }
  return handle;
}

}  // namespace tvm_node
