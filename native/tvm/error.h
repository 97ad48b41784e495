// Exceptions that become JavaScript errors at the binding's edge.
#ifndef TVM_NODE_TVM_ERROR_H_
#define TVM_NODE_TVM_ERROR_H_

#include <stdexcept>
#include <string>
#include <utility>

namespace tvm_node {

/** An error with one of the package's codes. */
struct CodedError : std::runtime_error {
  CodedError(std::string code_value, const std::string& message)
      : std::runtime_error(message), code(std::move(code_value)) {}
  std::string code;
};

/** An error reported by the TVM library, read on the thread that failed. */
struct TvmError : std::runtime_error {
  TvmError(const std::string& text, std::string trace)
      : std::runtime_error(text), backtrace(std::move(trace)) {}
  std::string backtrace;
};

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_ERROR_H_
