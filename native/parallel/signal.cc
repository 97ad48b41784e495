#include "signal.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>

namespace tvm_node {
namespace {

void Futex(std::atomic<uint32_t>* word, int operation, uint32_t value) {
  static_assert(sizeof(std::atomic<uint32_t>) == 4, "a futex is a word");
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), operation, value, nullptr, nullptr, 0);
}

// Tells the processor that this thread waits in a loop.
inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace

void Signal::Raise() {
  value_.fetch_add(1);
  if (sleepers_.load() > 0) Futex(&value_, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void Signal::Wait(uint32_t seen, int spins) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(spins);
  do {
    for (int i = 0; i < 16; i++) {
      if (value() != seen) return;
      Pause();
    }
  } while (Clock::now() < end);
  sleepers_.fetch_add(1);
  while (value_.load() == seen) Futex(&value_, FUTEX_WAIT_PRIVATE, seen);
  sleepers_.fetch_sub(1);
}

}  // namespace tvm_node
