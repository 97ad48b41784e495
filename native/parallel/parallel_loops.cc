#include "parallel_loops.h"

#include <dlfcn.h>

#include <algorithm>
#include <mutex>

#include "../tvm/library.h"

namespace tvm_node {
namespace {

// What generated code and runtime agree on (TVM v0.18, include/tvm/runtime/c_backend_api.h).
struct ParallelGroup {
  void* sync_handle;
  int32_t num_task;
};
using Body = int (*)(int task, ParallelGroup* group, void* closure);
using Launch = int (*)(Body body, void* closure, int tasks);
using Barrier = int (*)(int task, ParallelGroup* group);

// More tasks than threads balance loops whose steps or processors are uneven; a task costs some 20 ns.
constexpr int kTasksPerThread = 16;
constexpr int kMostTasks = 65'535;
// Tasks at a barrier follow each other closely, else one of them was taken off its processor.
constexpr int kAwakeAtBarrier = 30;

thread_local ThreadPool* current_pool = nullptr;

/** One parallel loop while it runs. */
class Loop {
 public:
  Loop(Body body, void* closure, int tasks)
      : body_(body), closure_(closure), group_{this, tasks}, waited_for_(tasks) {}

  static void RunTask(void* loop, int task) { static_cast<Loop*>(loop)->RunTask(task); }

  void RunTask(int task) {
    if (failed_.load(std::memory_order_relaxed)) return;
    if (body_(task, &group_, closure_) == 0) return;
    // The text is the failing thread's own; it is the caller's that is read.
    const char* text = Library::Api().TVMGetLastError();
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failed_.exchange(true)) error_ = text ? text : "a parallel loop failed";
    rounds_.Raise();
  }

  int Finish() {
    if (!failed_.load()) return 0;
    Library::Api().TVMAPISetLastError(error_.c_str());
    return -1;
  }

  /** Nobody waits for a task that failed. */
  int AwaitOthers() {
    const uint32_t round = rounds_.value();
    if (failed_.load()) return -1;
    if (waited_for_.fetch_sub(1) > 1) {
      rounds_.Wait(round, kAwakeAtBarrier);
    } else {
      waited_for_.store(group_.num_task);
      rounds_.Raise();
    }
    return failed_.load() ? -1 : 0;
  }

 private:
  const Body body_;
  void* const closure_;
  ParallelGroup group_;
  std::atomic<int> waited_for_;
  Signal rounds_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::string error_;
};

int RunLoop(Body body, void* closure, int tasks) {
  if (current_pool && tasks > 1) {
    Loop loop(body, closure, tasks);
    if (current_pool->Run(tasks, Loop::RunTask, &loop)) return loop.Finish();
  }
  // A loop within a task of another one, or on a thread without a pool.
  Loop loop(body, closure, 1);
  loop.RunTask(0);
  return loop.Finish();
}

int ThreadsHere() { return current_pool ? current_pool->threads() : 1; }

int LaunchBalanced(Body body, void* closure, int tasks) {
  const int threads = ThreadsHere();
  if (threads == 1) return RunLoop(body, closure, 1);
  return RunLoop(body, closure, std::min(tasks > 0 ? tasks : threads * kTasksPerThread, kMostTasks));
}

// Tasks that wait for each other need a thread each.
int LaunchTogether(Body body, void* closure, int tasks) {
  const int threads = ThreadsHere();
  return RunLoop(body, closure, tasks > 0 ? std::min(tasks, threads) : threads);
}

int AwaitOthers(int, ParallelGroup* group) {
  return group->num_task > 1 ? static_cast<Loop*>(group->sync_handle)->AwaitOthers() : 0;
}

}  // namespace

LoopsOn::LoopsOn(ThreadPool* pool) : before_(current_pool) { current_pool = pool; }
LoopsOn::~LoopsOn() { current_pool = before_; }

bool AdoptParallelLoops(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (!handle) throw CodedError("ERR_INVALID_ARGUMENT", path + " is not loaded");
  // Variables that generated code calls through and the library's loader fills; only those in use are there.
  auto* launch = static_cast<Launch*>(dlsym(handle, "__TVMBackendParallelLaunch"));
  auto* barrier = static_cast<Barrier*>(dlsym(handle, "__TVMBackendParallelBarrier"));
  if (barrier) *barrier = AwaitOthers;
  if (launch) *launch = barrier ? LaunchTogether : LaunchBalanced;
  dlclose(handle);
  return launch != nullptr;
}

}  // namespace tvm_node
