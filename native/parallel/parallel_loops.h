// Parallel loops of generated code on thread pools of ours.
#ifndef TVM_NODE_PARALLEL_PARALLEL_LOOPS_H_
#define TVM_NODE_PARALLEL_PARALLEL_LOOPS_H_

#include <string>

#include "thread_pool.h"

namespace tvm_node {

/** While it lives, parallel loops that start on this thread run on `pool`. */
class LoopsOn {
 public:
  explicit LoopsOn(ThreadPool* pool);
  ~LoopsOn();
  LoopsOn(const LoopsOn&) = delete;
  LoopsOn& operator=(const LoopsOn&) = delete;

 private:
  ThreadPool* const before_;
};

/**
 * Points a library of generated code, which must be loaded under this path, to the pool of the thread that runs it. False
 * when it has no pointer to set: it has no parallel loop, or calls the TVM library by name.
 */
bool AdoptParallelLoops(const std::string& path);

}  // namespace tvm_node

#endif  // TVM_NODE_PARALLEL_PARALLEL_LOOPS_H_
