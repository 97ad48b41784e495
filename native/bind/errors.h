// Errors on their way from C++ and the TVM library to JavaScript, and from a JavaScript callback
// through the library.
#ifndef TVM_NODE_BIND_ERRORS_H_
#define TVM_NODE_BIND_ERRORS_H_

#include "env_state.h"

namespace tvm_node {

/** The JavaScript error for one that the library reported; a value that JavaScript threw into it
 * becomes the cause. */
Napi::Error MakeTvmError(EnvState& state, std::string text, const std::string& backtrace);
Napi::Error MakeCodedError(EnvState& state, const std::string& code, const std::string& message);
/** The text under which a thrown JavaScript value travels through the library. */
std::string TextOfThrown(EnvState& state, const Napi::Error& error);

/** Unwinds native frames when JavaScript is being stopped from outside. */
struct Terminated {};

/** Calls JavaScript; throws what it threw, or `Terminated`. */
Napi::Value CallJs(EnvState& state, napi_value function, const std::vector<napi_value>& arguments);
Napi::Object NewJs(EnvState& state, const Napi::FunctionReference& constructor);

/** Runs `body`, which may call into the library, turning C++ and library errors into JavaScript
 * ones. */
template <typename Body>
auto Guard(EnvState& state, const Body& body) -> decltype(body()) {
  try {
    EnvState::SyncCall call(state);
    return body();
  } catch (const TvmError& error) {
    throw MakeTvmError(state, error.what(), error.backtrace);
  } catch (const CodedError& error) {
    throw MakeCodedError(state, error.code, error.what());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    // Memory or threads ran out.
    throw MakeTvmError(state, error.what(), "");
  }
}

/** The frame of a native function that JavaScript calls: no C++ exception leaves it. */
template <typename Body>
napi_value Entry(EnvState& state, const Body& body) {
  try {
    return Guard(state, body);
  } catch (const Napi::Error& error) {
    // Fails when JavaScript is being stopped, which is just as well.
    napi_throw(state.env(), error.Value());
  } catch (const Terminated&) {
  }
  return nullptr;
}

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_ERRORS_H_
