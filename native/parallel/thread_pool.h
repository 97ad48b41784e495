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
 * Each thread begins with the same share of every loop, so that it finds in its caches what it left there in the loop
 * before, and then takes tasks of others: a worker which the system takes off its processor holds up no more than the task
 * in its hands. Workers wait awake for a short time, then asleep.
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
   * Runs tasks 0 to `count - 1`, of which there may be 65,535, and returns when all have ended. At most `threads()` tasks that wait for one another make
   * progress together. False, with nothing done, when the pool is at work already: then the caller is one of its tasks, or
   * another thread.
   */
  bool Run(int count, Task task, void* context);

 private:
  // A thread's share: the number of the loop, the first task nobody has claimed and the end, in one word, so that a thread
  // that is late cannot claim a task of another loop than the one it knows. Each on a cache line of its own.
  struct alignas(64) Share {
    std::atomic<uint64_t> tasks{0};
  };

  void Work(int thread);
  void End();
  void TakePart(uint32_t loop, int thread);

  std::atomic<Task> task_{nullptr};
  std::atomic<void*> context_{nullptr};
  Signal loops_;
  alignas(64) std::atomic<int> unfinished_{0};
  Signal finished_;
  alignas(64) std::atomic<bool> busy_{false};
  std::atomic<bool> ending_{false};
  std::vector<Share> shares_;
  std::vector<std::thread> workers_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_PARALLEL_THREAD_POOL_H_
