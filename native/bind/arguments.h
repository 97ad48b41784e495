// JavaScript values as arguments of a packed function.
#ifndef TVM_NODE_BIND_ARGUMENTS_H_
#define TVM_NODE_BIND_ARGUMENTS_H_

#include <forward_list>
#include <string>
#include <vector>

#include "env_state.h"

namespace tvm_node {

/** Whether bytes are used where they lie, for a call that ends before JavaScript goes on, or
 * copied. */
enum class Bytes { kBorrowed, kCopied };

/** The arguments of one call together with everything they point to. */
class Arguments {
 public:
  explicit Arguments(EnvState& state, Bytes bytes = Bytes::kBorrowed, int depth = 0)
      : state_(state), bytes_(bytes), depth_(depth) {}
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  void Add(Napi::Value value);
  void AddHandle(HandlePtr handle);
  TVMValue* values() { return more_values_.empty() ? values_ : more_values_.data(); }
  int* codes() { return more_codes_.empty() ? codes_ : more_codes_.data(); }
  int size() const { return count_; }

 private:
  static constexpr int kInline = 8;

  void Push(int code, TVMValue value);
  void AddNumber(double number);
  void AddString(std::string text);
  void AddBytes(Napi::Uint8Array bytes);
  void AddObject(Napi::Object object);
  /** Replaces items by what the library's `make` builds of them: an array or a map. */
  void AddBuilt(void* make, Arguments& items);
  const std::string& Keep(std::string text);

  EnvState& state_;
  Bytes bytes_;
  // How many arrays and maps these are inside of.
  int depth_;
  // Most calls have few arguments: those need no memory of their own.
  int count_ = 0;
  TVMValue values_[kInline];
  int codes_[kInline];
  std::vector<TVMValue> more_values_;
  std::vector<int> more_codes_;
  std::forward_list<std::string> texts_;
  std::forward_list<TVMByteArray> byte_arrays_;
  std::vector<HandlePtr> handles_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_BIND_ARGUMENTS_H_
