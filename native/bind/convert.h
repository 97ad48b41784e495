// Values across the boundary between JavaScript and the library.
#ifndef TVM_NODE_BIND_CONVERT_H_
#define TVM_NODE_BIND_CONVERT_H_

#include <deque>
#include <string>
#include <vector>

#include "env_state.h"

namespace tvm_node {

/** Arguments of one call with everything they point to. */
class Arguments {
 public:
  explicit Arguments(EnvState& state) : state_(state) {}
  void Reserve(size_t count);
  void Add(Napi::Value value);
  TVMValue* values() { return values_.data(); }
  int* codes() { return codes_.data(); }
  int size() const { return static_cast<int>(values_.size()); }

 private:
  void Push(int code, TVMValue value);
  void AddHandle(HandlePtr handle);
  void AddObject(Napi::Object object);

  EnvState& state_;
  std::vector<TVMValue> values_;
  std::vector<int> codes_;
  std::deque<std::string> strings_;
  std::deque<TVMByteArray> byte_arrays_;
  std::vector<HandlePtr> handles_;
};

/** A result that no longer depends on the thread it came from. */
struct Result {
  TVMValue value{};
  int code = TypeCode::kNull;
  std::string text;

  /** Takes over what a call returned; copies strings, which the library keeps only until the thread's next call. */
  static Result Own(TVMValue value, int code);
  Napi::Value ToJs(EnvState& state);
};

/** Wraps a new reference; takes ownership. */
Napi::Value WrapHandle(EnvState& state, Kind kind, void* pointer);
/** The handle of a wrapped object, or null when `value` is none of ours. Throws `ERR_DISPOSED` after disposal. */
HandlePtr Unwrap(Napi::Value value);
/** The same, for a method that needs a certain kind. */
HandlePtr Expect(Napi::Value value, Kind kind, const char* what);
/** Drops the object's reference; later uses throw. */
void Dispose(Napi::Value value);
bool IsDisposed(Napi::Value value);

/** Makes a packed function of a JavaScript function; returns a new reference. */
void* MakeCallback(EnvState& state, Napi::Function function);

/** Calls a packed function by the C ABI with arguments already converted. */
Result CallPacked(void* function, Arguments& arguments);

/** Runs `body`, turning C++ and library errors into JavaScript ones. */
Napi::Value Guard(EnvState& state, const std::function<Napi::Value()>& body);
/** The JavaScript error for one that the library reported. */
Napi::Error MakeTvmError(EnvState& state, std::string text, const std::string& backtrace);
Napi::Error MakeCodedError(EnvState& state, const std::string& code, const std::string& message);

/** Values that plain JavaScript types cannot express: `float(2)`, data types, devices. */
Napi::Value MakeMarker(Napi::Env env, int code, TVMValue value, std::string text);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_CONVERT_H_
