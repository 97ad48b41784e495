// A counter to wait on: awake for a short time, then asleep.
#ifndef TVM_NODE_PARALLEL_SIGNAL_H_
#define TVM_NODE_PARALLEL_SIGNAL_H_

#include <atomic>
#include <cstdint>

namespace tvm_node {

class Signal {
 public:
  uint32_t value() const { return value_.load(std::memory_order_acquire); }
  /** Counts one up and wakes who waits. */
  void Raise();
  /** Waits until the counter is no longer `seen`; awake for about `spins` microseconds at first. */
  void Wait(uint32_t seen, int spins);

 private:
  std::atomic<uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
};

}  // namespace tvm_node

#endif  // TVM_NODE_PARALLEL_SIGNAL_H_
