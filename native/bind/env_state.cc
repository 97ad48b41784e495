#include "env_state.h"

namespace tvm_node {
namespace {
constexpr size_t kMostThrown = 64;
constexpr const char kMark[] = " [thrown in JavaScript #";
}  // namespace

EnvState::EnvState(Napi::Env env) : env_(env), thread_(std::this_thread::get_id()) {
  wake_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "tvm-node", 0, 1);
  wake_.Unref(env);
}

void EnvState::Install(Napi::Env env) {
  auto* holder = new std::shared_ptr<EnvState>(std::make_shared<EnvState>(env));
  env.SetInstanceData(holder);
  env.AddCleanupHook([holder = std::weak_ptr<EnvState>(*holder)] {
    if (auto state = holder.lock()) state->Shutdown();
  });
}

EnvState& EnvState::Of(Napi::Env env) { return **env.GetInstanceData<std::shared_ptr<EnvState>>(); }

void EnvState::Shutdown() {
  std::lock_guard<std::mutex> lock(mutex_);
  alive_ = false;
  wake_.Abort();
  changed_.notify_all();
  make_error.Reset();
  for (auto& reference : classes) reference.Reset();
  object_classes.clear();
  thrown_.clear();
}

EnvState::SyncCall::SyncCall(EnvState& state) : state_(state) {
  if (state.sync_depth_.fetch_add(1) == 0 && state.waiting_.load() > 0) {
    std::lock_guard<std::mutex> lock(state.mutex_);
    state.changed_.notify_all();
  }
}

EnvState::SyncCall::~SyncCall() { state_.sync_depth_.fetch_sub(1); }

bool EnvState::RunErrand(std::function<void()> work) {
  auto errand = std::make_shared<Errand>();
  errand->work = std::move(work);
  auto self = shared_from_this();
  std::unique_lock<std::mutex> lock(mutex_);
  if (!alive() || sync_depth_.load() > 0) return false;
  waiting_.fetch_add(1);
  const napi_status posted = wake_.NonBlockingCall([self, errand](Napi::Env, Napi::Function) {
    {
      std::lock_guard<std::mutex> guard(self->mutex_);
      if (errand->status == Errand::Status::kCancelled) return;
      errand->status = Errand::Status::kRunning;
    }
    errand->work();
    std::lock_guard<std::mutex> guard(self->mutex_);
    errand->status = Errand::Status::kDone;
    self->changed_.notify_all();
  });
  if (posted == napi_ok) {
    changed_.wait(lock, [&] {
      if (errand->status == Errand::Status::kDone) return true;
      return errand->status == Errand::Status::kQueued && (!alive() || sync_depth_.load() > 0);
    });
  }
  waiting_.fetch_sub(1);
  if (errand->status == Errand::Status::kDone) return true;
  errand->status = Errand::Status::kCancelled;
  return false;
}

void EnvState::Post(std::function<void()> work) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!alive()) return;
  wake_.NonBlockingCall([work = std::move(work)](Napi::Env, Napi::Function) { work(); });
}

void EnvState::HoldLoop() {
  if (holds_++ == 0) wake_.Ref(env_);
}

void EnvState::ReleaseLoop() {
  if (--holds_ == 0) wake_.Unref(env_);
}

uint64_t EnvState::KeepThrown(Napi::Value value) {
  Napi::Array box = Napi::Array::New(env_, 1);
  box.Set(0u, value);
  const uint64_t number = next_thrown_++;
  thrown_.emplace(number, Napi::Persistent(box));
  if (thrown_.size() > kMostThrown) thrown_.erase(thrown_.begin());
  return number;
}

Napi::Value EnvState::TakeThrown(std::string* text) {
  const size_t start = text->find(kMark);
  if (start == std::string::npos) return Napi::Value();
  const size_t end = text->find(']', start);
  if (end == std::string::npos) return Napi::Value();
  const size_t digits = start + sizeof(kMark) - 1;
  const uint64_t number = std::strtoull(text->c_str() + digits, nullptr, 10);
  text->erase(start, end + 1 - start);
  auto found = thrown_.find(number);
  if (found == thrown_.end()) return Napi::Value();
  Napi::Value value = found->second.Value().Get(0u);
  thrown_.erase(found);
  return value;
}

}  // namespace tvm_node
