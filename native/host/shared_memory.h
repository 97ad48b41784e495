// Memory that several processes share, for tensors on their way to and from an engine.
#ifndef TVM_NODE_HOST_SHARED_MEMORY_H_
#define TVM_NODE_HOST_SHARED_MEMORY_H_

#include <cstddef>
#include <string>

namespace tvm_node {

/** One mapping of a shared memory object; unmapped when destroyed. Page aligned. */
class SharedMemory {
 public:
  /** A new object of `size` zero bytes, under a name of its own. Throws `ERR_SHARED_MEMORY`. */
  static SharedMemory Create(size_t size);
  /** Maps the object `name` and removes the name: the memory lives on until the last mapping ends.
   */
  static SharedMemory Open(const std::string& name, size_t size);
  /** Removes a name that nobody opened. */
  static void Unlink(const std::string& name);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  const std::string& name() const { return name_; }
  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  SharedMemory(std::string name, void* data, size_t size)
      : name_(std::move(name)), data_(data), size_(size) {}

  std::string name_;
  void* data_;
  size_t size_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_HOST_SHARED_MEMORY_H_
