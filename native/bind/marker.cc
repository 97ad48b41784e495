#include "marker.h"

namespace tvm_node {

Napi::Value WrapMarker(EnvState& state, Marker marker) {
  Napi::Object object = Napi::Object::New(state.env());
  auto* held = new std::pair<std::shared_ptr<EnvState>, Marker>(state.shared_from_this(), marker);
  const auto finalize = [](napi_env, void* data, void*) {
    auto* pair = static_cast<std::pair<std::shared_ptr<EnvState>, Marker>*>(data);
    pair->first->markers.erase(pair);
    delete pair;
  };
  if (napi_wrap(state.env(), object, held, finalize, nullptr, nullptr) != napi_ok) {
    delete held;
    throw Napi::Error::New(state.env());
  }
  state.markers.insert(held);
  return object;
}

const Marker* MarkerOf(EnvState& state, napi_value value) {
  void* data = nullptr;
  if (napi_unwrap(state.env(), value, &data) != napi_ok || state.markers.count(data) == 0)
    return nullptr;
  return &static_cast<std::pair<std::shared_ptr<EnvState>, Marker>*>(data)->second;
}

}  // namespace tvm_node
