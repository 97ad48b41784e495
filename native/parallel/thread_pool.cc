#include "thread_pool.h"

#include <pthread.h>

namespace tvm_node {
namespace {

// How long threads wait awake, in microseconds: a worker for the next loop of a network, the caller for the last tasks
// (docs/decisions/0005).
constexpr int kAwakeForLoop = 60;
constexpr int kAwakeForTasks = 30;

struct Tasks {
  uint32_t loop;
  uint16_t next;
  uint16_t end;

  static Tasks Of(uint64_t packed) {
    return {static_cast<uint32_t>(packed >> 32), static_cast<uint16_t>(packed >> 16), static_cast<uint16_t>(packed)};
  }
  uint64_t Packed() const { return static_cast<uint64_t>(loop) << 32 | static_cast<uint32_t>(next) << 16 | end; }
};

// Takes the first task of a share, or its last; -1 when there is none of that loop.
int Claim(std::atomic<uint64_t>& share, uint32_t loop, bool first) {
  uint64_t packed = share.load(std::memory_order_acquire);
  for (;;) {
    Tasks tasks = Tasks::Of(packed);
    if (tasks.loop != loop || tasks.next == tasks.end) return -1;
    const int task = first ? tasks.next++ : --tasks.end;
    if (share.compare_exchange_weak(packed, tasks.Packed(), std::memory_order_acq_rel, std::memory_order_acquire))
      return task;
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads) : shares_(threads) {
  try {
    for (int i = 1; i < threads; i++) {
      workers_.emplace_back([this, i] { Work(i); });
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
  unfinished_.store(count, std::memory_order_relaxed);
  const uint32_t loop = loops_.value() + 1;
  const uint32_t finished = finished_.value();
  const int threads = static_cast<int>(shares_.size());
  for (int i = 0; i < threads; i++) {
    const Tasks share{loop, static_cast<uint16_t>(count * i / threads), static_cast<uint16_t>(count * (i + 1) / threads)};
    shares_[i].tasks.store(share.Packed(), std::memory_order_release);
  }
  loops_.Raise();
  TakePart(loop, 0);
  // Raised exactly once a loop, by the thread that ends the last task.
  finished_.Wait(finished, kAwakeForTasks);
  busy_.store(false, std::memory_order_release);
  return true;
}

void ThreadPool::TakePart(uint32_t loop, int thread) {
  const int threads = static_cast<int>(shares_.size());
  int done = 0;
  for (int i = 0; i < threads; i++) {
    auto& share = shares_[(thread + i) % threads].tasks;
    for (int task; (task = Claim(share, loop, i == 0)) >= 0; done++) {
      // Whoever has claimed a task keeps the loop from ending, and these from changing.
      task_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), task);
    }
  }
  if (done > 0 && unfinished_.fetch_sub(done, std::memory_order_acq_rel) == done) finished_.Raise();
}

void ThreadPool::Work(int thread) {
  uint32_t seen = 0;
  while (!ending_.load()) {
    loops_.Wait(seen, kAwakeForLoop);
    seen = loops_.value();
    TakePart(seen, thread);
  }
}

}  // namespace tvm_node
