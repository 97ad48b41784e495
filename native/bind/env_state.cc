#include "env_state.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tvm_node {
namespace {

using Clock = std::chrono::steady_clock;

// How long a foreign thread waits for one and the same call of the JavaScript thread to end: where it
// waits for the caller it never does, but on a busy machine also short calls take their time.
constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kLookAgain = std::chrono::milliseconds(10);
// How long it waits for the event loop to turn: the JavaScript thread may itself be blocked,
// waiting for the caller.
constexpr auto kLongPatience = std::chrono::seconds(5);
// Values thrown into the library whose errors it swallowed would otherwise pile up.
constexpr size_t kMostThrown = 64;
// Of all environments, since an error may come out in another one than it was thrown in.
std::atomic<uint64_t> next_thrown_{1};

}  // namespace

struct EnvState::Errand {
  enum class Status { kQueued, kRunning, kDone, kCancelled };
  std::function<void()> work;
  Status status = Status::kQueued;
};

EnvState::EnvState(Napi::Env env) : env_(env), thread_(std::this_thread::get_id()) {
  wake_ = Wake::New(env, "tvm-node", 0, 1, this);
  wake_.Unref(env);
  auto object_class = env.Global().Get("Object").As<Napi::Object>();
  set_prototype_of = Napi::Persistent(object_class.Get("setPrototypeOf").As<Napi::Function>());
}

void EnvState::Install(Napi::Env env) {
  auto* holder = new std::shared_ptr<EnvState>(std::make_shared<EnvState>(env));
  env.SetInstanceData(holder);
  env.AddCleanupHook([state = std::weak_ptr<EnvState>(*holder)] {
    if (auto held = state.lock()) held->Shutdown();
  });
}

EnvState& EnvState::Of(Napi::Env env) { return **env.GetInstanceData<std::shared_ptr<EnvState>>(); }

void EnvState::Shutdown() {
  std::deque<std::function<void()>> dropped;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    alive_ = false;
    wake_.Abort();
    dropped.swap(tasks_);
    changed_.notify_all();
  }
  dropped.clear();
  for (auto& guest : guests_) {
    if (auto present = guest.lock()) present->Leave();
  }
  make_error.Reset();
  set_prototype_of.Reset();
  for (auto& reference : classes) reference.Reset();
  known_classes.clear();
  object_classes.clear();
  thrown_.clear();
  for (napi_ref reference : kept_) napi_delete_reference(env_, reference);
  kept_.clear();
}

bool EnvState::RunErrand(std::function<void()> work) {
  auto errand = std::make_shared<Errand>();
  errand->work = std::move(work);
  std::unique_lock<std::mutex> lock(mutex_);
  const bool posted = Enqueue([this, errand] {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      if (errand->status == Errand::Status::kCancelled) return;
      errand->status = Errand::Status::kRunning;
    }
    errand->work();
    std::lock_guard<std::mutex> guard(mutex_);
    errand->status = Errand::Status::kDone;
    changed_.notify_all();
  });
  if (!posted) return false;

  uint64_t call = 0;
  Clock::time_point since;
  uint64_t turn = tasks_started_;
  Clock::time_point turned = Clock::now();
  while (errand->status != Errand::Status::kDone) {
    if (errand->status == Errand::Status::kQueued) {
      const Clock::time_point now = Clock::now();
      bool refused = !alive();
      if (sync_depth_.load() == 0) {
        call = 0;
      } else if (call != sync_calls_.load()) {
        call = sync_calls_.load();
        since = now;
      } else {
        refused = refused || now - since > kPatience;
      }
      if (turn != tasks_started_) {
        turn = tasks_started_;
        turned = now;
      } else {
        refused = refused || now - turned > kLongPatience;
      }
      if (refused) {
        errand->status = Errand::Status::kCancelled;
        return false;
      }
    }
    changed_.wait_for(lock, kLookAgain);
  }
  return true;
}

void EnvState::Post(std::function<void()> work) {
  // What work holds may post again when it goes, so it goes after the lock.
  std::lock_guard<std::mutex> lock(mutex_);
  Enqueue(std::move(work));
}

// To be called under the lock. Refused work stays with the caller.
bool EnvState::Enqueue(std::function<void()>&& work) {
  if (!alive()) return false;
  tasks_.push_back(std::move(work));
  if (wake_.NonBlockingCall() == napi_ok) return true;
  work = std::move(tasks_.back());
  tasks_.pop_back();
  return false;
}

void EnvState::OnWake(Napi::Env env, Napi::Function, EnvState* state, void*) {
  // Without an environment when it has ended; `state` may be gone then.
  if (env != nullptr) state->RunTask();
}

void EnvState::RunTask() {
  std::function<void()> task;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (tasks_.empty()) return;
    task = std::move(tasks_.front());
    tasks_.pop_front();
    tasks_started_++;
  }
  task();
}

bool EnvState::Terminating() {
  if (!alive()) return true;
  // The cheapest way to learn it through Node-API: any call fails then.
  napi_value object = nullptr;
  napi_value result = nullptr;
  napi_create_object(env_, &object);
  napi_value arguments[] = {object, env_.Null()};
  return napi_call_function(env_, env_.Undefined(), set_prototype_of.Value(), 2, arguments,
                            &result) != napi_ok;
}

void EnvState::Welcome(const std::shared_ptr<Guest>& guest) {
  const auto gone = [](const std::weak_ptr<Guest>& other) { return other.expired(); };
  guests_.erase(std::remove_if(guests_.begin(), guests_.end(), gone), guests_.end());
  guests_.push_back(guest);
}

void EnvState::HoldLoop() {
  if (holds_++ == 0) wake_.Ref(env_);
}

void EnvState::ReleaseLoop() {
  if (--holds_ == 0) wake_.Unref(env_);
}

uint64_t EnvState::KeepThrown(Napi::Value value) {
  // References hold objects only; anything may be thrown.
  Napi::Array box = Napi::Array::New(env_, 1);
  box.Set(0u, value);
  const uint64_t number = next_thrown_.fetch_add(1);
  thrown_.emplace(number, Napi::Persistent(box));
  if (thrown_.size() > kMostThrown) thrown_.erase(thrown_.begin());
  return number;
}

Napi::Value EnvState::TakeThrown(uint64_t number) {
  auto found = thrown_.find(number);
  if (found == thrown_.end()) return Napi::Value();
  Napi::Value value = found->second.Value().Get(0u);
  thrown_.erase(found);
  return value;
}

KeptValue::KeptValue(EnvState& state, Napi::Object value) : state_(state.shared_from_this()) {
  if (napi_create_reference(state.env(), value, 1, &reference_) != napi_ok)
    throw Napi::Error::New(state.env());
  state.kept_.insert(reference_);
}

KeptValue::~KeptValue() {
  const auto end = [](EnvState& state, napi_ref reference) {
    if (state.kept_.erase(reference) > 0) napi_delete_reference(state.env(), reference);
  };
  if (!state_->alive()) return;
  if (state_->OnThread()) {
    end(*state_, reference_);
  } else {
    state_->Post([state = state_, reference = reference_, end] { end(*state, reference); });
  }
}

napi_value KeptValue::Value() const {
  napi_value value = nullptr;
  napi_get_reference_value(state_->env(), reference_, &value);
  return value;
}

}  // namespace tvm_node
