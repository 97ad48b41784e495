#include "line.h"

#include <unistd.h>

#include "../host/line.h"
#include "wrap.h"

namespace tvm_node {
namespace {

using LinePtr = std::shared_ptr<Line>;

LinePtr& Expect(Napi::Value value) {
  if (!value.IsExternal()) throw CodedError("ERR_INVALID_ARGUMENT", "expected a line");
  return *value.As<Napi::External<LinePtr>>().Data();
}

// The client passes null where there is no limit.
int64_t Timeout(const TVMValue* values, const int* codes, int count) {
  return count >= 2 && codes[1] == TypeCode::kInt ? values[1].v_int64 : kNoTimeout;
}

// No exception may cross the library.
template <typename Work>
int Guarded(const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    Library::Api().TVMAPISetLastError((std::string("TransportClosedError: ") + error.what()).c_str());
    return -1;
  }
}

int Send(TVMValue* values, int* codes, int count, void*, void* context) {
  return Guarded([&] {
    Line& line = **static_cast<LinePtr*>(context);
    const int64_t timeout = Timeout(values, codes, count);
    if (count >= 1 && codes[0] == TypeCode::kBytes) {
      const auto* bytes = static_cast<const TVMByteArray*>(values[0].v_handle);
      line.Send(bytes->data, bytes->size, timeout);
    } else if (count >= 1 && codes[0] == TypeCode::kStr) {
      const std::string text = values[0].v_str;
      line.Send(text.data(), text.size(), timeout);
    }
  });
}

int Receive(TVMValue* values, int* codes, int count, void* ret, void* context) {
  return Guarded([&] {
    Line& line = **static_cast<LinePtr*>(context);
    const std::string bytes = line.Receive(Timeout(values, codes, count));
    TVMByteArray array{bytes.data(), bytes.size()};
    TVMValue value{};
    value.v_handle = &array;
    int code = TypeCode::kBytes;
    Check(Library::Api().TVMCFuncSetReturn(ret, &value, &code, 1));
  });
}

Napi::Value Function(EnvState& state, const LinePtr& line, PackedCFunc function) {
  auto context = std::make_unique<LinePtr>(line);
  void* handle = nullptr;
  const Finalizer release = [](void* held) { delete static_cast<LinePtr*>(held); };
  Check(Library::Api().TVMFuncCreateFromCFunc(function, context.get(), release, &handle));
  context.release();
  return Wrap(state, std::make_shared<Handle>(Kind::kPackedFunc, handle));
}

int Int(Napi::Value value) { return value.As<Napi::Number>().Int32Value(); }

}  // namespace

Napi::Value LinePair(EnvState&, const Napi::CallbackInfo& info) {
  const auto ends = Line::Pair();
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, ends.first);
  result.Set(1u, ends.second);
  return result;
}

Napi::Value LineConnect(EnvState&, const Napi::CallbackInfo& info) {
  const std::string host = info[0].As<Napi::String>().Utf8Value();
  return Napi::Number::New(info.Env(), Line::Connect(host, Int(info[1]), Int(info[2])));
}

Napi::Value LineSerial(EnvState&, const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return Napi::Number::New(info.Env(), Line::OpenSerial(path, Int(info[1])));
}

Napi::Value LineOpen(EnvState&, const Napi::CallbackInfo& info) {
  auto line = std::make_unique<LinePtr>(std::make_shared<Line>(Int(info[0])));
  return Napi::External<LinePtr>::New(info.Env(), line.release(),
                                      [](Napi::Env, LinePtr* held) { delete held; });
}

Napi::Value LineFunctions(EnvState& state, const Napi::CallbackInfo& info) {
  const LinePtr& line = Expect(info[0]);
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, Function(state, line, Send));
  result.Set(1u, Function(state, line, Receive));
  return result;
}

Napi::Value LineFlush(EnvState&, const Napi::CallbackInfo& info) {
  Expect(info[0])->Flush(static_cast<int64_t>(Int(info[1])) * 1000);
  return info.Env().Undefined();
}

Napi::Value LineClose(EnvState&, const Napi::CallbackInfo& info) {
  Expect(info[0])->Close();
  return info.Env().Undefined();
}

Napi::Value CloseDescriptor(EnvState&, const Napi::CallbackInfo& info) {
  close(Int(info[0]));
  return info.Env().Undefined();
}

}  // namespace tvm_node
