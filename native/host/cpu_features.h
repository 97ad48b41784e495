// What this machine's processor can do, in LLVM's names.
#ifndef TVM_NODE_HOST_CPU_FEATURES_H_
#define TVM_NODE_HOST_CPU_FEATURES_H_

#include <string>
#include <vector>

namespace tvm_node {

/** Features that both the processor and the operating system support, for example `avx2`,
 * `avx512vnni`, `dotprod`. */
std::vector<std::string> CpuFeatures();

}  // namespace tvm_node

#endif  // TVM_NODE_HOST_CPU_FEATURES_H_
