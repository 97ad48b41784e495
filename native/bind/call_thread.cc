#include "call_thread.h"

#include <chrono>
#include <deque>
#include <exception>
#include <list>
#include <optional>

#include "../parallel/parallel_loops.h"
#include "arguments.h"
#include "errors.h"
#include "result.h"
#include "wrap.h"

namespace tvm_node {
namespace {

constexpr napi_type_tag kThreadTag = {0x7476b0de00000003ull, 0x51b6a3f0a85011eeull};
// At the environment's end a call may still run; longer than this it is left behind.
constexpr auto kFarewell = std::chrono::seconds(5);

struct PackedCall {
  explicit PackedCall(EnvState& state) : arguments(state, Bytes::kCopied) {}

  HandlePtr function;
  Arguments arguments;
  OwnedValue result;
};

/** Calls that run in a row; the first that fails ends the job. */
struct Job {
  Job(EnvState& state, Napi::Array list) {
    for (uint32_t i = 0; i < list.Length(); i++) {
      auto pair = list.Get(i).As<Napi::Array>();
      PackedCall& call = calls.emplace_back(state);
      call.function = Expect(state, pair.Get(0u), Kind::kPackedFunc);
      auto arguments = pair.Get(1u).As<Napi::Array>();
      for (uint32_t k = 0; k < arguments.Length(); k++) call.arguments.Add(arguments.Get(k));
    }
  }

  void Run(ThreadPool& pool) {
    LoopsOn loops(&pool);
    const auto started = std::chrono::steady_clock::now();
    try {
      for (auto& call : calls) {
        Arguments& arguments = call.arguments;
        call.result = CallPacked(call.function->get(), arguments.values(), arguments.codes(),
                                 arguments.size());
      }
    } catch (...) {
      error = std::current_exception();
    }
    took = std::chrono::steady_clock::now() - started;
  }

  /** The results of the calls and, as the last element, the microseconds that they took. */
  Napi::Array Results(EnvState& state) {
    if (error) std::rethrow_exception(error);
    Napi::Array results = Napi::Array::New(state.env(), calls.size() + 1);
    uint32_t i = 0;
    for (auto& call : calls) results.Set(i++, ToJs(state, std::move(call.result)));
    results.Set(i, std::chrono::duration<double, std::micro>(took).count());
    return results;
  }

  std::list<PackedCall> calls;
  std::exception_ptr error;
  std::chrono::steady_clock::duration took{};
};

struct PromisedJob : Job {
  using Job::Job;

  void Settle(EnvState& state) {
    Napi::HandleScope scope(state.env());
    state.ReleaseLoop();
    try {
      deferred->Resolve(Guard(state, [&] { return Results(state); }));
    } catch (const Napi::Error& raised) {
      deferred->Reject(raised.Value());
    } catch (const Terminated&) {
    }
  }

  // There once the job is sure to run: a promise that is never settled is never freed.
  std::optional<Napi::Promise::Deferred> deferred;
};

// Shared by the thread itself, which may outlive the JavaScript object, and that object.
class Queue : public Guest {
 public:
  Queue(std::shared_ptr<EnvState> state, int threads)
      : state_(std::move(state)), pool_(std::make_shared<ThreadPool>(threads)) {}

  /** To be asked on the JavaScript thread, which alone closes the queue. */
  bool closed() const { return closed_; }
  /** For loops on the JavaScript thread. A call there may close the queue, and with it the thread. */
  std::shared_ptr<ThreadPool> pool() const { return pool_; }

  void Push(std::shared_ptr<PromisedJob> job) {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }

  /** Lets the thread end after the calls already queued. */
  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /** Drops the calls not started and waits for the one that runs. */
  void Leave() override {
    // What the calls hold goes after the lock.
    std::deque<std::shared_ptr<PromisedJob>> dropped;
    std::unique_lock<std::mutex> lock(mutex_);
    closed_ = true;
    dropped.swap(jobs_);
    changed_.notify_all();
    changed_.wait_for(lock, kFarewell, [this] { return ended_; });
  }

  void Run() {
    while (std::shared_ptr<PromisedJob> job = Next()) {
      job->Run(*pool_);
      state_->Post([state = state_, job = std::move(job)] { job->Settle(*state); });
    }
    pool_.reset();
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::shared_ptr<PromisedJob> Next() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    if (jobs_.empty()) return nullptr;
    std::shared_ptr<PromisedJob> job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  std::shared_ptr<EnvState> state_;
  std::shared_ptr<ThreadPool> pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<PromisedJob>> jobs_;
  bool closed_ = false;
  bool ended_ = false;
};

using QueuePtr = std::shared_ptr<Queue>;

Queue& QueueOf(Napi::Value value) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() ||
      napi_check_object_type_tag(value.Env(), value, &kThreadTag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(value.Env(), value, &data) != napi_ok || !data) {
    throw CodedError("ERR_INVALID_ARGUMENT", "expected a call thread");
  }
  return **static_cast<QueuePtr*>(data);
}

CodedError Disposed() { return {"ERR_DISPOSED", "this call thread was disposed"}; }

}  // namespace

Napi::Value NewThread(EnvState& state, const Napi::CallbackInfo& info) {
  const int threads = info[0].As<Napi::Number>().Int32Value();
  auto queue = std::make_shared<Queue>(state.shared_from_this(), threads);
  state.Welcome(queue);
  std::thread([queue] { queue->Run(); }).detach();
  Napi::Object object = Napi::Object::New(info.Env());
  const auto finalize = [](napi_env, void* data, void*) {
    auto* held = static_cast<QueuePtr*>(data);
    (*held)->Close();
    delete held;
  };
  napi_wrap(info.Env(), object, new QueuePtr(queue), finalize, nullptr, nullptr);
  napi_type_tag_object(info.Env(), object, &kThreadTag);
  return object;
}

Napi::Value CallOn(EnvState& state, const Napi::CallbackInfo& info) {
  Queue& queue = QueueOf(info[0]);
  auto job = std::make_shared<PromisedJob>(state, info[1].As<Napi::Array>());
  if (queue.closed()) throw Disposed();
  Napi::Value promise = job->deferred.emplace(info.Env()).Promise();
  state.HoldLoop();
  queue.Push(std::move(job));
  return promise;
}

Napi::Value CallHere(EnvState& state, const Napi::CallbackInfo& info) {
  Queue& queue = QueueOf(info[0]);
  Job job(state, info[1].As<Napi::Array>());
  if (queue.closed()) throw Disposed();
  const std::shared_ptr<ThreadPool> pool = queue.pool();
  job.Run(*pool);
  return job.Results(state);
}

Napi::Value AdoptLoops(EnvState&, const Napi::CallbackInfo& info) {
  const bool adopted = AdoptParallelLoops(info[0].As<Napi::String>().Utf8Value());
  return Napi::Boolean::New(info.Env(), adopted);
}

Napi::Value CloseThread(EnvState&, const Napi::CallbackInfo& info) {
  QueueOf(info[0]).Close();
  return info.Env().Undefined();
}

}  // namespace tvm_node
