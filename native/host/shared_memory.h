// Memory that several processes share, for tensors on their way to and from an engine.
#ifndef TVM_NODE_HOST_SHARED_MEMORY_H_
#define TVM_NODE_HOST_SHARED_MEMORY_H_

#include <cstddef>

namespace tvm_node {

/**
 * A file in memory without a name (memfd), which reaches another process as a descriptor and is gone with
 * the last one that has it, however that ends. Child processes do not inherit it unless they are given it.
 */
class MemoryFile {
 public:
  /** Empty. Throws `ERR_SHARED_MEMORY`. */
  MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { Close(); }

  int descriptor() const { return descriptor_; }
  /** Maps of it stay. */
  void Close();

 private:
  int descriptor_;
};

/** One mapping of the first bytes of a memory file; unmapped when destroyed. Page aligned. */
class SharedMemory {
 public:
  /** A file that is smaller grows, with zeros. Throws `ERR_SHARED_MEMORY`. */
  SharedMemory(int descriptor, size_t size);
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_;
  size_t size_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_HOST_SHARED_MEMORY_H_
