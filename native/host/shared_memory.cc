#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <random>

#include "../tvm/error.h"

namespace tvm_node {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  throw CodedError("ERR_SHARED_MEMORY", what + ": " + std::strerror(errno));
}

/** Closes a file descriptor at the end of a scope; a mapping outlives it. */
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void* Map(int fd, size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) Fail("cannot map " + std::to_string(size) + " bytes of shared memory");
  return data;
}

std::string RandomName() {
  std::random_device random;
  const uint64_t number = (static_cast<uint64_t>(random()) << 32) | random();
  return "/tvm-node-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

}  // namespace

SharedMemory SharedMemory::Create(size_t size) {
  const std::string name = RandomName();
  const int fd = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) Fail("cannot create shared memory");
  Descriptor descriptor(fd);
  try {
    // Reserving the pages now turns a full file system into an error here instead of a signal at
    // the first write.
    const int refused = posix_fallocate(fd, 0, static_cast<off_t>(size));
    if (refused != 0) {
      errno = refused;
      Fail("cannot reserve " + std::to_string(size) + " bytes of shared memory");
    }
    return SharedMemory(name, Map(fd, size), size);
  } catch (...) {
    shm_unlink(name.c_str());
    throw;
  }
}

SharedMemory SharedMemory::Open(const std::string& name, size_t size) {
  const int fd = shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) Fail("cannot open shared memory " + name);
  Descriptor descriptor(fd);
  struct stat status{};
  if (fstat(fd, &status) != 0) Fail("cannot read the size of shared memory " + name);
  if (static_cast<size_t>(status.st_size) != size) {
    throw CodedError("ERR_SHARED_MEMORY", "shared memory " + name + " has " +
                                              std::to_string(status.st_size) + " bytes, expected " +
                                              std::to_string(size));
  }
  SharedMemory memory(name, Map(fd, size), size);
  shm_unlink(name.c_str());
  return memory;
}

void SharedMemory::Unlink(const std::string& name) { shm_unlink(name.c_str()); }

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : name_(std::move(other.name_)), data_(other.data_), size_(other.size_) {
  other.data_ = nullptr;
}

SharedMemory::~SharedMemory() {
  if (data_) munmap(data_, size_);
}

}  // namespace tvm_node
