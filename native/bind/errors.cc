#include "errors.h"

#include <algorithm>
#include <string_view>

namespace tvm_node {
namespace {

// Ends the first line of an error's text; a number and a bracket follow.
constexpr const char kMark[] = " [thrown in JavaScript #";

// The library reads the error's kind from its first word, up to a colon.
std::string KindOf(Napi::Value thrown) {
  std::string kind = "Error";
  if (thrown.IsObject()) {
    Napi::Value name = thrown.As<Napi::Object>().Get("name");
    if (name.IsString()) kind = name.As<Napi::String>().Utf8Value();
  }
  for (char c : kind) {
    if (!isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.') return "Error";
  }
  return kind.empty() ? "Error" : kind;
}

std::string MessageOf(Napi::Value thrown) {
  if (thrown.IsSymbol()) return "a symbol was thrown";
  if (!thrown.IsObject()) return thrown.ToString().Utf8Value();
  Napi::Value message = thrown.As<Napi::Object>().Get("message");
  return message.IsString() ? message.As<Napi::String>().Utf8Value() : "an object was thrown";
}

// Removes the mark from `text` and returns the number in it, 0 when there is none.
uint64_t CutMark(std::string* text) {
  const size_t start = text->find(kMark);
  if (start == std::string::npos) return 0;
  const size_t digits = start + sizeof(kMark) - 1;
  const size_t end = text->find(']', digits);
  if (end == std::string::npos) return 0;
  const uint64_t number = std::strtoull(text->c_str() + digits, nullptr, 10);
  text->erase(start, end + 1 - start);
  return number;
}

// What JavaScript threw last, unless it was stopped: what is pending then is no value.
[[noreturn]] void ThrowPending(EnvState& state) {
  Napi::Env env = state.env();
  napi_value thrown = nullptr;
  napi_get_and_clear_last_exception(env, &thrown);
  if (!thrown || state.Terminating()) throw Terminated{};
  throw Napi::Error(env, thrown);
}

}  // namespace

Napi::Error MakeTvmError(EnvState& state, std::string text, const std::string& backtrace) {
  Napi::Env env = state.env();
  const uint64_t number = CutMark(&text);
  Napi::Value cause = number == 0 ? Napi::Value() : state.TakeThrown(number);
  Napi::Value error =
      CallJs(state, state.make_error.Value(),
             {Napi::String::New(env, "ERR_TVM"), Napi::String::New(env, text),
              Napi::String::New(env, backtrace), cause.IsEmpty() ? env.Undefined() : cause});
  return Napi::Error(env, error);
}

Napi::Error MakeCodedError(EnvState& state, const std::string& code, const std::string& message) {
  Napi::Env env = state.env();
  Napi::Value error = CallJs(state, state.make_error.Value(),
                             {Napi::String::New(env, code), Napi::String::New(env, message)});
  return Napi::Error(env, error);
}

Napi::Value CallJs(EnvState& state, napi_value function, const std::vector<napi_value>& arguments) {
  Napi::Env env = state.env();
  napi_value result = nullptr;
  const napi_status status = napi_call_function(env, env.Undefined(), function, arguments.size(),
                                                arguments.data(), &result);
  if (status == napi_ok) return Napi::Value(env, result);
  ThrowPending(state);
}

Napi::Object NewJs(EnvState& state, const Napi::FunctionReference& constructor) {
  napi_value result = nullptr;
  if (napi_new_instance(state.env(), constructor.Value(), 0, nullptr, &result) == napi_ok) {
    return Napi::Object(state.env(), result);
  }
  ThrowPending(state);
}

std::string TextOfThrown(EnvState& state, const Napi::Error& error) {
  Napi::Value thrown = error.Value();
  std::string text;
  try {
    text = KindOf(thrown) + ": " + MessageOf(thrown);
  } catch (const Napi::Error&) {
    text = "Error: what was thrown cannot be described";
  }
  // The library takes what follows the first line for a stack, and its strings end at a NUL; the
  // whole message travels in the kept value.
  text.resize(std::min(text.find_first_of(std::string_view("\n\0", 2)), text.size()));
  return text + kMark + std::to_string(state.KeepThrown(thrown)) + "]";
}

}  // namespace tvm_node
