// Worker threads that share the iterations of parallel loops with the thread that starts them.
#ifndef TVM_NODE_PARALLEL_THREAD_POOL_H_
#define TVM_NODE_PARALLEL_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "signal.h"

namespace tvm_node {

/**
 * A loop's tasks are claimed one after the other by whichever thread is free, so that a worker which the system takes off
 * its processor holds up no more than the task in its hands. Workers wait awake for a short time, then asleep.
 */
class ThreadPool {
 public:
  /** Runs one task; may be called from several threads at once. */
  using Task = void (*)(void* context, int task);

  /** @param threads How many threads run tasks, the caller of `Run` among them. */
  explicit ThreadPool(int threads);
  /** Waits until the workers have ended. */
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /**
   * Runs tasks 0 to `count - 1` and returns when all have ended. At most `threads()` tasks that wait for one another make
   * progress together. False, with nothing done, when the pool is at work already: then the caller is one of its tasks, or
   * another thread.
   */
  bool Run(int count, Task task, void* context);

 private:
  void Work();
  void End();
  void RunClaimed(uint32_t loop);

  // The number of the loop and how many of its tasks nobody has claimed yet, in one word: a thread that is late cannot
  // claim a task of another loop than the one it knows.
  std::atomic<uint64_t> unclaimed_{0};
  std::atomic<Task> task_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<int> count_{0};
  // Apart from what is claimed: all threads write it.
  alignas(64) std::atomic<int> running_{0};
  alignas(64) Signal loops_;
  Signal finished_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> ending_{false};
  std::vector<std::thread> workers_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_PARALLEL_THREAD_POOL_H_
