// The one TVM library of this process.
#ifndef TVM_NODE_TVM_LIBRARY_H_
#define TVM_NODE_TVM_LIBRARY_H_

#include <stdexcept>
#include <string>
#include <vector>

#include "c_api.h"

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

class Library {
 public:
  /** Opens the library, once per process; the same path again does nothing. */
  static void Open(const std::string& path, const std::vector<std::string>& preload);
  /** Path of the open library, empty before `Open`. */
  static std::string OpenedPath();
  /** Paths of every TVM library that this process has loaded, by whomever. */
  static std::vector<std::string> Loaded();
  /** The entry points. Throws when no library is open. */
  static const CApi& Api();
};

/** Turns a return code of the C ABI into an exception. */
void Check(int code);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_LIBRARY_H_
