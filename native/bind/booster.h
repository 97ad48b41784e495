// Gradient-boosted trees for the cost models of tuners.
#ifndef TVM_NODE_BIND_BOOSTER_H_
#define TVM_NODE_BIND_BOOSTER_H_

#include "env_state.h"

namespace tvm_node {

/** xgboostOpen(path, preload) */
Napi::Value XGBoostOpen(EnvState& state, const Napi::CallbackInfo& info);
/** boosterCreate([name, value][]): a booster that the collector frees */
Napi::Value BoosterCreate(EnvState& state, const Napi::CallbackInfo& info);
/** boosterTrain(booster, features, columns, labels, margins, rounds) */
Napi::Value BoosterTrain(EnvState& state, const Napi::CallbackInfo& info);
/** boosterTrainSums(booster, features, columns, labels, groups, rounds, patience) */
Napi::Value BoosterTrainSums(EnvState& state, const Napi::CallbackInfo& info);
/** boosterPredict(booster, features, columns, margin): Float32Array, one value a row */
Napi::Value BoosterPredict(EnvState& state, const Napi::CallbackInfo& info);
/** boosterSave(booster): bytes */
Napi::Value BoosterSave(EnvState& state, const Napi::CallbackInfo& info);
/** boosterLoad(booster, bytes) */
Napi::Value BoosterLoad(EnvState& state, const Napi::CallbackInfo& info);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_BOOSTER_H_
