// What belongs to one JavaScript environment (the main thread or a worker).
#ifndef TVM_NODE_BIND_ENV_STATE_H_
#define TVM_NODE_BIND_ENV_STATE_H_

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "../tvm/handle.h"

namespace tvm_node {

/** Work that a foreign thread wants done on the JavaScript thread. */
struct Errand {
  enum class Status { kQueued, kRunning, kDone, kCancelled };
  std::function<void()> work;
  Status status = Status::kQueued;
};

class EnvState : public std::enable_shared_from_this<EnvState> {
 public:
  explicit EnvState(Napi::Env env);

  static EnvState& Of(Napi::Env env);
  static void Install(Napi::Env env);

  Napi::Env env() const { return env_; }
  bool OnThread() const { return std::this_thread::get_id() == thread_; }
  bool alive() const { return alive_.load(); }

  /** Marks a synchronous call into the library: while one runs, errands of foreign threads are refused. */
  class SyncCall {
   public:
    explicit SyncCall(EnvState& state);
    ~SyncCall();

   private:
    EnvState& state_;
  };

  /**
   * Runs `work` on the JavaScript thread and waits for it. False when that thread is inside a synchronous call, which
   * might wait for the caller, or when the environment has ended.
   */
  bool RunErrand(std::function<void()> work);
  /** Runs `work` on the JavaScript thread some time later; drops it when the environment has ended. */
  void Post(std::function<void()> work);
  /** Keeps the event loop running while promises are open. */
  void HoldLoop();
  void ReleaseLoop();

  /** Keeps a thrown JavaScript value until the error that names it comes out of the library; returns its number. */
  uint64_t KeepThrown(Napi::Value value);
  /** Takes out the value that `text` names, and its mark; empty when there is none. */
  Napi::Value TakeThrown(std::string* text);

  Napi::FunctionReference make_error;
  Napi::FunctionReference classes[kKinds];
  std::unordered_map<unsigned, Napi::FunctionReference> object_classes;

 private:
  void Shutdown();

  Napi::Env env_;
  std::thread::id thread_;
  std::atomic<bool> alive_{true};
  std::atomic<int> sync_depth_{0};
  std::atomic<int> waiting_{0};
  int holds_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  Napi::ThreadSafeFunction wake_;
  uint64_t next_thrown_ = 1;
  std::map<uint64_t, Napi::Reference<Napi::Array>> thrown_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_ENV_STATE_H_
