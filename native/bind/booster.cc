#include "booster.h"

#include "../xgboost/booster.h"
#include "view.h"

namespace tvm_node {
namespace {

std::string Text(Napi::Value value) { return value.As<Napi::String>().Utf8Value(); }

Booster& Expect(Napi::Value value) {
  if (!value.IsExternal()) throw CodedError("ERR_INVALID_ARGUMENT", "expected a booster");
  return *value.As<Napi::External<Booster>>().Data();
}

FeatureMatrix Features(Napi::Value values, Napi::Value columns) {
  const View view = ViewOf(values);
  const size_t count = view.size / sizeof(float);
  const auto width = static_cast<size_t>(columns.As<Napi::Number>().Int64Value());
  if (width == 0 || count == 0 || count % width != 0)
    throw CodedError("ERR_INVALID_ARGUMENT", "features must be whole rows, at least one");
  return {reinterpret_cast<const float*>(view.data), count / width, width};
}

std::vector<float> Floats(Napi::Value values) {
  const View view = ViewOf(values);
  const auto* first = reinterpret_cast<const float*>(view.data);
  return {first, first + view.size / sizeof(float)};
}

}  // namespace

Napi::Value XGBoostOpen(EnvState&, const Napi::CallbackInfo& info) {
  OpenXGBoost(Text(info[0]), Text(info[1]));
  return info.Env().Undefined();
}

Napi::Value BoosterCreate(EnvState&, const Napi::CallbackInfo& info) {
  std::vector<std::pair<std::string, std::string>> params;
  auto list = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    auto pair = list.Get(i).As<Napi::Array>();
    params.emplace_back(Text(pair.Get(0u)), Text(pair.Get(1u)));
  }
  return Napi::External<Booster>::New(info.Env(), new Booster(params),
                                      [](Napi::Env, Booster* booster) { delete booster; });
}

Napi::Value BoosterTrain(EnvState&, const Napi::CallbackInfo& info) {
  const FeatureMatrix features = Features(info[1], info[2]);
  const auto labels = Floats(info[3]);
  const auto margins = Floats(info[4]);
  if (labels.size() != features.rows || (!margins.empty() && margins.size() != features.rows))
    throw CodedError("ERR_INVALID_ARGUMENT", "there must be a label, and a margin if any, a row");
  Expect(info[0]).Train(features, labels, margins, info[5].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Value BoosterTrainSums(EnvState&, const Napi::CallbackInfo& info) {
  const FeatureMatrix features = Features(info[1], info[2]);
  const auto labels = Floats(info[3]);
  const View view = ViewOf(info[4]);
  const auto* first = reinterpret_cast<const int32_t*>(view.data);
  const std::vector<int32_t> groups(first, first + view.size / sizeof(int32_t));
  size_t rows = 0;
  for (int32_t size : groups) rows += size < 0 ? features.rows + 1 : static_cast<size_t>(size);
  if (labels.size() != groups.size() || rows != features.rows)
    throw CodedError("ERR_INVALID_ARGUMENT", "groups must have a label each, and all rows together");
  Expect(info[0]).TrainSums(features, labels, groups, info[5].As<Napi::Number>().Int32Value(),
                            info[6].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Value BoosterPredict(EnvState&, const Napi::CallbackInfo& info) {
  const auto values = Expect(info[0]).Predict(Features(info[1], info[2]),
                                              info[3].As<Napi::Boolean>().Value());
  auto result = Napi::Float32Array::New(info.Env(), values.size());
  std::copy(values.begin(), values.end(), result.Data());
  return result;
}

Napi::Value BoosterSave(EnvState&, const Napi::CallbackInfo& info) {
  const std::string bytes = Expect(info[0]).Save();
  return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size());
}

Napi::Value BoosterLoad(EnvState&, const Napi::CallbackInfo& info) {
  const View view = ViewOf(info[1]);
  Expect(info[0]).Load(view.data, view.size);
  return info.Env().Undefined();
}

}  // namespace tvm_node
