#include "callback.h"

#include <algorithm>

#include "../tvm/tensor.h"
#include "arguments.h"
#include "errors.h"
#include "result.h"

namespace tvm_node {
namespace {

// The library owns callbacks and may drop them on any thread, and after the environment has ended.
void Release(void* context) { delete static_cast<KeptValue*>(context); }

// Generated code passes raw tensors to be written to; JavaScript got copies. Memory that did not
// change is not touched: it may be constant.
void WriteBack(const DLTensor& copy, const DLTensor& original) {
  if (original.device.type != kCpu) return;
  const auto* after = static_cast<const uint8_t*>(copy.data);
  std::vector<uint8_t> before(ByteSize(original));
  Gather(original, before.data());
  if (!std::equal(before.begin(), before.end(), after)) Scatter(after, original);
}

void Serve(const KeptValue& callback, TVMValue* values, int* codes, int count, void* ret) {
  EnvState& state = callback.state();
  std::vector<OwnedValue> kept;
  std::vector<napi_value> arguments;
  kept.reserve(count);
  arguments.reserve(count);
  for (int i = 0; i < count; i++) {
    kept.push_back(OwnedValue::Keep(values[i], codes[i]));
    arguments.push_back(ToJs(state, kept.back()));
  }
  Napi::Value answer = CallJs(state, callback.Value(), arguments);
  for (int i = 0; i < count; i++) {
    if (codes[i] == TypeCode::kDLTensor && kept[i].handle)
      WriteBack(*kept[i].handle->tensor(), *static_cast<DLTensor*>(values[i].v_handle));
  }
  if (answer.IsUndefined() || answer.IsNull()) return;
  Arguments result(state);
  result.Add(answer);
  Check(Library::Api().TVMCFuncSetReturn(ret, result.values(), result.codes(), 1));
}

std::string ServeOrExplain(const KeptValue& callback, TVMValue* values, int* codes, int count,
                           void* ret) {
  EnvState& state = callback.state();
  Napi::HandleScope scope(state.env());
  try {
    Serve(callback, values, codes, count, ret);
    return "";
  } catch (const Napi::Error& error) {
    return TextOfThrown(state, error);
  } catch (const CodedError& error) {
    return TextOfThrown(state, MakeCodedError(state, error.code, error.what()));
  } catch (const std::exception& error) {
    return std::string("Error: ") + error.what();
  }
}

// Runs on the JavaScript thread; returns the error text, empty on success. No exception may cross
// the library, also not that of an environment which is being terminated and cannot explain.
std::string ServeGuarded(const KeptValue& callback, TVMValue* values, int* codes, int count,
                         void* ret) {
  try {
    return ServeOrExplain(callback, values, codes, count, ret);
  } catch (...) {
    return "JavaScriptError: the JavaScript environment of this function is ending";
  }
}

int Invoke(TVMValue* values, int* codes, int count, void* ret, void* context) {
  const KeptValue& callback = *static_cast<KeptValue*>(context);
  EnvState& state = callback.state();
  std::string problem;
  if (!state.alive()) {
    problem = "JavaScriptError: the JavaScript environment of this function has ended";
  } else if (state.OnThread()) {
    problem = ServeGuarded(callback, values, codes, count, ret);
  } else if (!state.RunErrand(
                 [&] { problem = ServeGuarded(callback, values, codes, count, ret); })) {
    problem =
        "JavaScriptError: the JavaScript thread is busy and cannot serve another thread";
  }
  if (problem.empty()) return 0;
  Library::Api().TVMAPISetLastError(problem.c_str());
  return -1;
}

}  // namespace

HandlePtr MakeCallback(EnvState& state, Napi::Function function) {
  auto callback = std::make_unique<KeptValue>(state, function);
  void* handle = nullptr;
  Check(Library::Api().TVMFuncCreateFromCFunc(Invoke, callback.get(), Release, &handle));
  callback.release();
  return std::make_shared<Handle>(Kind::kPackedFunc, handle);
}

}  // namespace tvm_node
