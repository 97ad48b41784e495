#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "../tvm/error.h"

namespace tvm_node {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  throw CodedError("ERR_SHARED_MEMORY", what + ": " + std::strerror(errno));
}

}  // namespace

MemoryFile::MemoryFile() : descriptor_(memfd_create("tvm-node", MFD_CLOEXEC)) {
  if (descriptor_ < 0) Fail("cannot create shared memory");
}

void MemoryFile::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

SharedMemory::SharedMemory(int descriptor, size_t size) : size_(size) {
  const std::string wanted = std::to_string(size) + " bytes of shared memory";
  data_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data_ == MAP_FAILED) Fail("cannot map " + wanted);
  // Reserving the pages now turns a lack of memory into an error here instead of a signal at the first
  // write; after the map, which refuses sizes that no machine has.
  const int refused = posix_fallocate(descriptor, 0, static_cast<off_t>(size));
  if (refused == 0) return;
  munmap(data_, size);
  errno = refused;
  Fail("cannot reserve " + wanted);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept : data_(other.data_), size_(other.size_) {
  other.data_ = nullptr;
}

SharedMemory::~SharedMemory() {
  if (data_) munmap(data_, size_);
}

}  // namespace tvm_node
