#include "thread_pool.h"

#include <pthread.h>

namespace tvm_node {
namespace {

// How long threads wait awake, in microseconds: a worker for the next loop of a network, the caller for the last tasks
// (docs/decisions/0005).
constexpr int kAwakeForLoop = 60;
constexpr int kAwakeForTasks = 30;

uint64_t Pack(uint32_t loop, int count) {
  return static_cast<uint64_t>(loop) << 32 | static_cast<uint32_t>(count);
}
uint32_t LoopOf(uint64_t packed) { return static_cast<uint32_t>(packed >> 32); }
int CountOf(uint64_t packed) { return static_cast<int>(packed & 0xffffffffu); }

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 1; i < threads; i++) {
      workers_.emplace_back([this] { Work(); });
      pthread_setname_np(workers_.back().native_handle(), "tvm-node-worker");
    }
  } catch (...) {
    // The system has no more threads to give.
    End();
    throw;
  }
}

ThreadPool::~ThreadPool() { End(); }

void ThreadPool::End() {
  ending_.store(true);
  loops_.Raise();
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::Run(int count, Task task, void* context) {
  if (count <= 0) return true;
  if (busy_.exchange(true, std::memory_order_acquire)) return false;
  task_.store(task, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  count_.store(count, std::memory_order_relaxed);
  running_.store(count, std::memory_order_relaxed);
  const uint32_t loop = loops_.value() + 1;
  const uint32_t finished = finished_.value();
  unclaimed_.store(Pack(loop, count), std::memory_order_release);
  loops_.Raise();
  RunClaimed(loop);
  // Raised exactly once a loop, by the thread that ends its last task.
  finished_.Wait(finished, kAwakeForTasks);
  busy_.store(false, std::memory_order_release);
  return true;
}

void ThreadPool::RunClaimed(uint32_t loop) {
  uint64_t seen = unclaimed_.load(std::memory_order_acquire);
  while (LoopOf(seen) == loop && CountOf(seen) > 0) {
    const Task task = task_.load(std::memory_order_relaxed);
    void* const context = context_.load(std::memory_order_relaxed);
    const int count = count_.load(std::memory_order_relaxed);
    // Several at once while there are many, which saves claims; one by one towards the end, which balances.
    const int left = CountOf(seen);
    const int take = left > 8 * threads() ? left / (4 * threads()) : 1;
    if (!unclaimed_.compare_exchange_weak(seen, Pack(loop, left - take),
                                          std::memory_order_acq_rel,
                                          std::memory_order_acquire))
      continue;
    for (int i = 0; i < take; i++) task(context, count - left + i);
    if (running_.fetch_sub(take, std::memory_order_acq_rel) == take) finished_.Raise();
    seen = unclaimed_.load(std::memory_order_acquire);
  }
}

void ThreadPool::Work() {
  uint32_t seen = 0;
  while (!ending_.load()) {
    loops_.Wait(seen, kAwakeForLoop);
    seen = loops_.value();
    RunClaimed(seen);
  }
}

}  // namespace tvm_node
