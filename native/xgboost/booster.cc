#include "booster.h"

#include <dlfcn.h>

#include <atomic>
#include <limits>
#include <mutex>

#include "../tvm/error.h"

namespace tvm_node {
namespace {

/** What is used of the library, by its own names. */
#define TVM_NODE_XGBOOST_API(Do)                                                            \
  Do(const char*, XGBGetLastError, ())                                                      \
  Do(int, XGDMatrixCreateFromMat, (const float*, uint64_t, uint64_t, float, void**))        \
  Do(int, XGDMatrixSetFloatInfo, (void*, const char*, const float*, uint64_t))              \
  Do(int, XGDMatrixFree, (void*))                                                           \
  Do(int, XGBoosterCreate, (void* const*, uint64_t, void**))                                \
  Do(int, XGBoosterFree, (void*))                                                           \
  Do(int, XGBoosterSetParam, (void*, const char*, const char*))                             \
  Do(int, XGBoosterUpdateOneIter, (void*, int, void*))                                      \
  Do(int, XGBoosterBoostOneIter, (void*, void*, float*, float*, uint64_t))                  \
  Do(int, XGBoosterPredict, (void*, void*, int, unsigned, int, uint64_t*, const float**))   \
  Do(int, XGBoosterSaveModelToBuffer, (void*, const char*, uint64_t*, const char**))        \
  Do(int, XGBoosterLoadModelFromBuffer, (void*, const void*, uint64_t))

struct Api {
#define TVM_NODE_DECLARE(ret, name, params) ret(*name) params = nullptr;
  TVM_NODE_XGBOOST_API(TVM_NODE_DECLARE)
#undef TVM_NODE_DECLARE
};

std::mutex mutex_;
Api api_;
std::atomic<bool> ready_{false};

const Api& Functions() {
  if (!ready_.load(std::memory_order_acquire))
    throw CodedError("ERR_NO_LIBRARY", "the XGBoost library is not open in this process");
  return api_;
}

void CheckXGBoost(int code) {
  if (code == 0) return;
  throw CodedError("ERR_COST_MODEL", std::string("XGBoost: ") + Functions().XGBGetLastError());
}

/** A matrix in the library's hands. */
class Matrix {
 public:
  explicit Matrix(const FeatureMatrix& from) {
    CheckXGBoost(Functions().XGDMatrixCreateFromMat(from.data, from.rows, from.columns,
                                                    std::numeric_limits<float>::quiet_NaN(),
                                                    &handle_));
  }
  ~Matrix() { Functions().XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  void Set(const char* field, const std::vector<float>& values) {
    CheckXGBoost(
        Functions().XGDMatrixSetFloatInfo(handle_, field, values.data(), values.size()));
  }
  void* get() const { return handle_; }

 private:
  void* handle_ = nullptr;
};

}  // namespace

void OpenXGBoost(const std::string& path, const std::string& preload) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ready_) return;
  if (!preload.empty()) {
    const std::string name = preload.substr(preload.rfind('/') + 1);
    if (!dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) dlopen(preload.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  // Both this library and TVM's contain dmlc-core, of different versions: each must find its own.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (!handle)
    throw CodedError("ERR_LIBRARY_LOAD", std::string("cannot open ") + path + ": " + dlerror());
  Api api;
#define TVM_NODE_LOOKUP(ret, name, params)                          \
  api.name = reinterpret_cast<ret(*) params>(dlsym(handle, #name)); \
  if (!api.name) throw CodedError("ERR_LIBRARY_LOAD", path + " lacks the function " #name);
  TVM_NODE_XGBOOST_API(TVM_NODE_LOOKUP)
#undef TVM_NODE_LOOKUP
  api_ = api;
  ready_ = true;
}

Booster::Booster(const std::vector<std::pair<std::string, std::string>>& params) {
  const Api& api = Functions();
  CheckXGBoost(api.XGBoosterCreate(nullptr, 0, &handle_));
  for (const auto& [name, value] : params) {
    if (api.XGBoosterSetParam(handle_, name.c_str(), value.c_str()) == 0) continue;
    const std::string reason = api.XGBGetLastError();
    api.XGBoosterFree(handle_);
    throw CodedError("ERR_COST_MODEL", "XGBoost: " + reason);
  }
}

Booster::~Booster() { Functions().XGBoosterFree(handle_); }

void Booster::Train(const FeatureMatrix& features, const std::vector<float>& labels,
                    const std::vector<float>& margins, int rounds) {
  Matrix matrix(features);
  matrix.Set("label", labels);
  if (!margins.empty()) matrix.Set("base_margin", margins);
  for (int round = 0; round < rounds; round++)
    CheckXGBoost(Functions().XGBoosterUpdateOneIter(handle_, round, matrix.get()));
}

void Booster::TrainSums(const FeatureMatrix& features, const std::vector<float>& labels,
                        const std::vector<int32_t>& groups, int rounds, int patience) {
  Matrix matrix(features);
  std::vector<float> gradients(features.rows);
  std::vector<float> hessians(features.rows);
  double least = std::numeric_limits<double>::infinity();
  int best = 0;
  for (int round = 0; round < rounds && round - best <= patience; round++) {
    uint64_t count = 0;
    const float* values = nullptr;
    constexpr int kMargin = 1, kTraining = 1;
    CheckXGBoost(Functions().XGBoosterPredict(handle_, matrix.get(), kMargin, 0, kTraining, &count,
                                              &values));
    double loss = 0;
    size_t row = 0;
    for (size_t group = 0; group < groups.size(); group++) {
      const size_t end = row + groups[group];
      float sum = 0;
      for (size_t i = row; i < end; i++) sum += values[i];
      const float error = sum - labels[group];
      loss += static_cast<double>(error) * error;
      for (; row < end; row++) {
        gradients[row] = error * labels[group];
        hessians[row] = labels[group];
      }
    }
    if (loss < least) {
      least = loss;
      best = round;
    }
    CheckXGBoost(Functions().XGBoosterBoostOneIter(handle_, matrix.get(), gradients.data(),
                                                   hessians.data(), gradients.size()));
  }
}

std::vector<float> Booster::Predict(const FeatureMatrix& features, bool margin) const {
  Matrix matrix(features);
  uint64_t count = 0;
  const float* values = nullptr;
  CheckXGBoost(
      Functions().XGBoosterPredict(handle_, matrix.get(), margin ? 1 : 0, 0, 0, &count, &values));
  return {values, values + count};
}

std::string Booster::Save() const {
  uint64_t size = 0;
  const char* data = nullptr;
  CheckXGBoost(
      Functions().XGBoosterSaveModelToBuffer(handle_, R"({"format": "ubj"})", &size, &data));
  return {data, size};
}

void Booster::Load(const uint8_t* data, size_t size) {
  CheckXGBoost(Functions().XGBoosterLoadModelFromBuffer(handle_, data, size));
}

}  // namespace tvm_node
