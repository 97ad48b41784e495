// Native threads that run packed functions one after the other, answering with promises.
#include "call_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tvm_node {
namespace {

constexpr napi_type_tag kThreadTag = {0x7476b0de00000003ull, 0x51b6a3f0a85011eeull};

struct Job {
  HandlePtr function;
  std::unique_ptr<Arguments> arguments;
  std::shared_ptr<Napi::Promise::Deferred> deferred;
  Result result;
  bool failed = false;
  std::string error;
  std::string backtrace;
};

class CallThread {
 public:
  explicit CallThread(std::shared_ptr<EnvState> state) : state_(std::move(state)), thread_([this] { Loop(); }) {}

  ~CallThread() {
    Close();
    // A call in flight cannot be interrupted: the thread then ends by itself after it.
    if (thread_.joinable()) thread_.join();
  }

  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  bool Push(std::unique_ptr<Job> job) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return false;
    jobs_.push_back(std::move(job));
    changed_.notify_all();
    return true;
  }

 private:
  void Loop() {
    for (;;) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      try {
        job->result = CallPacked(job->function->get(), *job->arguments);
      } catch (const TvmError& error) {
        job->failed = true;
        job->error = error.what();
        job->backtrace = error.backtrace;
      } catch (const std::exception& error) {
        job->failed = true;
        job->error = error.what();
      }
      auto state = state_;
      state->Post([state, job] { Settle(*state, *job); });
    }
  }

  static void Settle(EnvState& state, Job& job) {
    Napi::HandleScope scope(state.env());
    state.ReleaseLoop();
    job.arguments.reset();
    job.function.reset();
    try {
      if (job.failed) {
        job.deferred->Reject(MakeTvmError(state, job.error, job.backtrace).Value());
      } else {
        job.deferred->Resolve(Guard(state, [&] { return job.result.ToJs(state); }));
      }
    } catch (const Napi::Error& error) {
      job.deferred->Reject(error.Value());
    }
  }

  std::shared_ptr<EnvState> state_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool closed_ = false;
  std::thread thread_;
};

CallThread* ThreadOf(Napi::Value value) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(value.Env(), value, &kThreadTag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(value.Env(), value, &data) != napi_ok || !data) {
    throw CodedError("ERR_DISPOSED", "this call thread was closed");
  }
  return static_cast<std::shared_ptr<CallThread>*>(data)->get();
}

}  // namespace

Napi::Value NewThread(const Napi::CallbackInfo& info) {
  EnvState& state = EnvState::Of(info.Env());
  Napi::Object object = Napi::Object::New(info.Env());
  auto* holder = new std::shared_ptr<CallThread>(std::make_shared<CallThread>(state.shared_from_this()));
  napi_wrap(
      info.Env(), object, holder,
      [](napi_env, void* data, void*) {
        auto* owner = static_cast<std::shared_ptr<CallThread>*>(data);
        (*owner)->Close();
        delete owner;
      },
      nullptr, nullptr);
  napi_type_tag_object(info.Env(), object, &kThreadTag);
  return object;
}

Napi::Value CallOn(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EnvState& state = EnvState::Of(env);
  return Guard(state, [&]() -> Napi::Value {
    CallThread* thread = ThreadOf(info[0]);
    auto job = std::make_unique<Job>();
    job->function = Expect(info[1], Kind::kPackedFunc, "a packed function");
    job->arguments = std::make_unique<Arguments>(state);
    auto list = info[2].As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) job->arguments->Add(list.Get(i));
    job->deferred = std::make_shared<Napi::Promise::Deferred>(env);
    Napi::Value promise = job->deferred->Promise();
    if (!thread->Push(std::move(job))) throw CodedError("ERR_DISPOSED", "this call thread was closed");
    state.HoldLoop();
    return promise;
  });
}

Napi::Value CloseThread(const Napi::CallbackInfo& info) {
  return Guard(EnvState::Of(info.Env()), [&]() -> Napi::Value {
    ThreadOf(info[0])->Close();
    return info.Env().Undefined();
  });
}

}  // namespace tvm_node
