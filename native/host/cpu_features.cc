#include "cpu_features.h"

#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <fstream>
#include <sstream>
#include <unordered_map>
#endif

namespace tvm_node {

#if defined(__x86_64__) || defined(__i386__)
namespace {

// Register state that the operating system must save before a feature may be used.
enum class State { kNone, kAvx, kAvx512, kAmx };

struct Feature {
  const char* name;
  uint32_t leaf;
  uint32_t subleaf;
  // 0 to 3 for EAX, EBX, ECX, EDX.
  int word;
  int bit;
  State state;
};

constexpr Feature kFeatures[] = {
    {"sse3", 1, 0, 2, 0, State::kNone},
    {"pclmul", 1, 0, 2, 1, State::kNone},
    {"ssse3", 1, 0, 2, 9, State::kNone},
    {"fma", 1, 0, 2, 12, State::kAvx},
    {"cx16", 1, 0, 2, 13, State::kNone},
    {"sse4.1", 1, 0, 2, 19, State::kNone},
    {"sse4.2", 1, 0, 2, 20, State::kNone},
    {"movbe", 1, 0, 2, 22, State::kNone},
    {"popcnt", 1, 0, 2, 23, State::kNone},
    {"aes", 1, 0, 2, 25, State::kNone},
    {"avx", 1, 0, 2, 28, State::kAvx},
    {"f16c", 1, 0, 2, 29, State::kAvx},
    {"rdrnd", 1, 0, 2, 30, State::kNone},
    {"sse2", 1, 0, 3, 26, State::kNone},
    {"fsgsbase", 7, 0, 1, 0, State::kNone},
    {"bmi", 7, 0, 1, 3, State::kNone},
    {"avx2", 7, 0, 1, 5, State::kAvx},
    {"bmi2", 7, 0, 1, 8, State::kNone},
    {"avx512f", 7, 0, 1, 16, State::kAvx512},
    {"avx512dq", 7, 0, 1, 17, State::kAvx512},
    {"rdseed", 7, 0, 1, 18, State::kNone},
    {"adx", 7, 0, 1, 19, State::kNone},
    {"avx512ifma", 7, 0, 1, 21, State::kAvx512},
    {"clflushopt", 7, 0, 1, 23, State::kNone},
    {"clwb", 7, 0, 1, 24, State::kNone},
    {"avx512cd", 7, 0, 1, 28, State::kAvx512},
    {"sha", 7, 0, 1, 29, State::kNone},
    {"avx512bw", 7, 0, 1, 30, State::kAvx512},
    {"avx512vl", 7, 0, 1, 31, State::kAvx512},
    {"avx512vbmi", 7, 0, 2, 1, State::kAvx512},
    {"avx512vbmi2", 7, 0, 2, 6, State::kAvx512},
    {"gfni", 7, 0, 2, 8, State::kNone},
    {"vaes", 7, 0, 2, 9, State::kAvx},
    {"vpclmulqdq", 7, 0, 2, 10, State::kAvx},
    {"avx512vnni", 7, 0, 2, 11, State::kAvx512},
    {"avx512bitalg", 7, 0, 2, 12, State::kAvx512},
    {"avx512vpopcntdq", 7, 0, 2, 14, State::kAvx512},
    {"rdpid", 7, 0, 2, 22, State::kNone},
    {"amx-bf16", 7, 0, 3, 22, State::kAmx},
    {"avx512fp16", 7, 0, 3, 23, State::kAvx512},
    {"amx-tile", 7, 0, 3, 24, State::kAmx},
    {"amx-int8", 7, 0, 3, 25, State::kAmx},
    {"avxvnni", 7, 1, 0, 4, State::kAvx},
    {"avx512bf16", 7, 1, 0, 5, State::kAvx512},
    {"amx-fp16", 7, 1, 0, 21, State::kAmx},
    {"avxifma", 7, 1, 0, 23, State::kAvx},
    {"avxvnniint8", 7, 1, 3, 4, State::kAvx},
    {"avxneconvert", 7, 1, 3, 5, State::kAvx},
    {"avxvnniint16", 7, 1, 3, 10, State::kAvx},
    {"sahf", 0x80000001, 0, 2, 0, State::kNone},
    {"lzcnt", 0x80000001, 0, 2, 5, State::kNone},
    {"sse4a", 0x80000001, 0, 2, 6, State::kNone},
    {"prfchw", 0x80000001, 0, 2, 8, State::kNone},
    {"xop", 0x80000001, 0, 2, 11, State::kAvx},
    {"fma4", 0x80000001, 0, 2, 16, State::kAvx},
    {"tbm", 0x80000001, 0, 2, 21, State::kNone},
};

// The XCR0 register: which register state the operating system saves; 0 where it saves none of it.
uint64_t SavedState() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  constexpr uint32_t kOsxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsxsave)) return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

bool Saved(State state, uint64_t saved) {
  constexpr uint64_t kAvx = 0x6, kAvx512 = 0xe6, kAmx = 0x60000;
  switch (state) {
    case State::kNone:
      return true;
    case State::kAvx:
      return (saved & kAvx) == kAvx;
    case State::kAvx512:
      return (saved & kAvx512) == kAvx512;
    case State::kAmx:
      return (saved & kAmx) == kAmx;
  }
  return false;
}

}  // namespace

std::vector<std::string> CpuFeatures() {
  const uint64_t saved = SavedState();
  std::vector<std::string> features;
  for (const Feature& feature : kFeatures) {
    uint32_t words[4] = {};
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &words[0], &words[1], &words[2],
                           &words[3]))
      continue;
    if ((words[feature.word] >> feature.bit & 1) && Saved(feature.state, saved))
      features.push_back(feature.name);
  }
  return features;
}

#elif defined(__aarch64__) && defined(__linux__)

std::vector<std::string> CpuFeatures() {
  static const std::unordered_map<std::string, const char*> names = {
      {"asimd", "neon"},   {"asimdhp", "fullfp16"}, {"asimddp", "dotprod"}, {"i8mm", "i8mm"},
      {"bf16", "bf16"},    {"sve", "sve"},          {"sve2", "sve2"},       {"aes", "aes"},
      {"sha2", "sha2"},    {"sha3", "sha3"},        {"crc32", "crc"},       {"atomics", "lse"},
      {"asimdrdm", "rdm"}, {"fcma", "complxnum"},   {"jscvt", "jsconv"},    {"asimdfhm", "fp16fml"},
  };
  std::vector<std::string> features;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) {
      auto found = names.find(word);
      if (found != names.end()) features.push_back(found->second);
    }
    break;
  }
  return features;
}

#else

std::vector<std::string> CpuFeatures() { return {}; }

#endif

}  // namespace tvm_node
