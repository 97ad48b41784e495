// The one TVM library of this process.
#ifndef TVM_NODE_TVM_LIBRARY_H_
#define TVM_NODE_TVM_LIBRARY_H_

#include <string>
#include <vector>

#include "c_api.h"
#include "error.h"

namespace tvm_node {

class Library {
 public:
  /**
   * Opens the library, once per process; the same path again does nothing. `preload` are files that
   * stand in for libraries it needs where the system has none of their name.
   */
  static void Open(const std::string& path, const std::vector<std::string>& preload);
  /** Path of the open library, empty before `Open`. */
  static std::string OpenedPath();
  /** Paths of every TVM library that this process has loaded, by whomever. */
  static std::vector<std::string> Loaded();
  /** The entry points. Throws `ERR_NO_LIBRARY` when no library is open. */
  static const CApi& Api();
};

/** Turns a return code of the C ABI into an exception. */
void Check(int code);

}  // namespace tvm_node

#endif  // TVM_NODE_TVM_LIBRARY_H_
