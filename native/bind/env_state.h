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
#include <unordered_set>
#include <vector>

#include "../tvm/handle.h"

namespace tvm_node {

/** What runs on its own beside an environment and must stop with it. */
class Guest {
 public:
  virtual ~Guest() = default;
  virtual void Leave() = 0;
};

class EnvState : public std::enable_shared_from_this<EnvState> {
 public:
  explicit EnvState(Napi::Env env);

  static EnvState& Of(Napi::Env env);
  static void Install(Napi::Env env);

  Napi::Env env() const { return env_; }
  bool OnThread() const { return std::this_thread::get_id() == thread_; }
  /** False from the environment's clean-up on: JavaScript cannot run any more. */
  bool alive() const { return alive_.load(); }

  /**
   * Whether JavaScript is being stopped from outside, as by `worker.terminate()`. To be asked after
   * a call into JavaScript failed; then no more may be done with values, and native frames return
   * at once.
   */
  bool Terminating();

  /** Marks a call into the library that the JavaScript thread is waiting in. */
  class SyncCall {
   public:
    explicit SyncCall(EnvState& state) : state_(state) {
      if (state_.sync_depth_.fetch_add(1) == 0) state_.sync_calls_.fetch_add(1);
    }
    ~SyncCall() { state_.sync_depth_.fetch_sub(1); }
    SyncCall(const SyncCall&) = delete;
    SyncCall& operator=(const SyncCall&) = delete;

   private:
    EnvState& state_;
  };

  /**
   * Runs `work` on the JavaScript thread and waits for it. False, with the work not done, when the
   * environment has ended, when its thread stays inside one call into the library (which might be
   * waiting for the caller), or when it does not come back to its event loop.
   */
  bool RunErrand(std::function<void()> work);
  /** Runs `work`, which must not throw, on the JavaScript thread some time later; drops it when the
   * environment ends first. */
  void Post(std::function<void()> work);
  /** Has `guest` told when the environment ends, if it is still there. */
  void Welcome(const std::shared_ptr<Guest>& guest);
  /** Keeps the event loop running while promises are open. */
  void HoldLoop();
  void ReleaseLoop();

  /** Keeps a thrown JavaScript value until the error that names it comes out of the library;
   * returns its number. */
  uint64_t KeepThrown(Napi::Value value);
  /** Takes out the value with this number; empty when there is none. */
  Napi::Value TakeThrown(uint64_t number);

  /** Makes the package's errors: (code, message, backtrace, cause) to Error. */
  Napi::FunctionReference make_error;
  Napi::FunctionReference set_prototype_of;
  /** The class of each kind of handle, and of objects by their type key. */
  Napi::FunctionReference classes[kKinds];
  std::unordered_map<std::string, Napi::FunctionReference> object_classes;
  /** What was found there by type index; null for the class of all objects. */
  std::unordered_map<unsigned, Napi::FunctionReference*> known_classes;
  /** What JavaScript objects of ours wrap: an object that wraps anything else belongs to another
   * addon. */
  std::unordered_set<const void*> wrapped;
  std::unordered_set<const void*> markers;

 private:
  friend class KeptValue;
  struct Errand;
  static void OnWake(Napi::Env env, Napi::Function, EnvState* state, void*);
  using Wake = Napi::TypedThreadSafeFunction<EnvState, void, OnWake>;

  bool Enqueue(std::function<void()>&& work);
  void RunTask();
  void Shutdown();

  Napi::Env env_;
  std::thread::id thread_;
  std::atomic<bool> alive_{true};
  std::atomic<int> sync_depth_{0};
  // Counts outermost calls, so that a waiting thread can tell one long call from many short ones.
  std::atomic<uint64_t> sync_calls_{0};
  int holds_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Wakes the event loop once for each task. The tasks are kept here because what is in the hands
  // of a thread-safe function when the environment ends would never be freed.
  Wake wake_;
  std::deque<std::function<void()>> tasks_;
  uint64_t tasks_started_ = 0;
  // All references of `KeptValue`s: Node does not free those left when the environment ends.
  std::unordered_set<napi_ref> kept_;
  std::vector<std::weak_ptr<Guest>> guests_;
  std::map<uint64_t, Napi::Reference<Napi::Array>> thrown_;
};

/** A JavaScript object in the hands of the library, which may let it go on any thread and after the
 * environment has ended. */
class KeptValue {
 public:
  KeptValue(EnvState& state, Napi::Object value);
  ~KeptValue();
  KeptValue(const KeptValue&) = delete;
  KeptValue& operator=(const KeptValue&) = delete;

  EnvState& state() const { return *state_; }
  /** To be called on the JavaScript thread of a living environment. */
  napi_value Value() const;

 private:
  std::shared_ptr<EnvState> state_;
  napi_ref reference_ = nullptr;
};

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_ENV_STATE_H_
