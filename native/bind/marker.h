// Arguments that plain JavaScript values cannot express: a float that looks integral, a data type,
// a device.
#ifndef TVM_NODE_BIND_MARKER_H_
#define TVM_NODE_BIND_MARKER_H_

#include "env_state.h"

namespace tvm_node {

struct Marker {
  int code;
  TVMValue value;
};

Napi::Value WrapMarker(EnvState& state, Marker marker);
/** The marker that `value` is, or null. */
const Marker* MarkerOf(EnvState& state, napi_value value);

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_MARKER_H_
