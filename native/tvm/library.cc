#include "library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace tvm_node {
namespace {

std::mutex mutex_;
std::string opened_;
CApi api_;
// Written once, after `api_`, so that readers on other threads see a complete table.
std::atomic<bool> ready_{false};

std::string RealPath(const std::string& path) {
  char buffer[PATH_MAX];
  return realpath(path.c_str(), buffer) ? buffer : path;
}

bool IsTvmLibrary(const char* path) {
  const char* slash = strrchr(path, '/');
  const char* name = slash ? slash + 1 : path;
  return strncmp(name, "libtvm.so", 9) == 0 || strncmp(name, "libtvm_runtime.so", 17) == 0;
}

int CollectTvm(dl_phdr_info* info, size_t, void* data) {
  if (info->dlpi_name && IsTvmLibrary(info->dlpi_name)) {
    static_cast<std::vector<std::string>*>(data)->push_back(RealPath(info->dlpi_name));
  }
  return 0;
}

// Sends both standard streams to nowhere while the library's initialisers run: they print warnings.
class Silence {
 public:
  Silence() {
    fflush(stdout);
    fflush(stderr);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0) return;
    for (int i = 0; i < 2; i++) {
      saved_[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
      if (saved_[i] >= 0) dup2(null, i + 1);
    }
    close(null);
  }
  ~Silence() {
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
      if (saved_[i] < 0) continue;
      dup2(saved_[i], i + 1);
      close(saved_[i]);
    }
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int saved_[2] = {-1, -1};
};

void* OpenShared(const std::string& path, int visibility) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | visibility);
  if (!handle)
    throw CodedError("ERR_LIBRARY_LOAD", std::string("cannot open ") + path + ": " + dlerror());
  return handle;
}

// The library then finds what it needs under the same name: the system's, else the given file.
void Preload(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (!dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) OpenShared(path, RTLD_LOCAL);
}

[[noreturn]] void RefuseSecond(const std::string& first, const std::string& second) {
  throw CodedError("ERR_SECOND_LIBRARY", "this process already has the TVM library " + first +
                                             "; opening " + second +
                                             " too would abort it. Use another process.");
}

}  // namespace

void Library::Open(const std::string& path, const std::vector<std::string>& preload) {
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string real = RealPath(path);
  if (ready_) {
    if (real == opened_) return;
    RefuseSecond(opened_, real);
  }
  for (const std::string& other : Loaded()) {
    if (other != real) RefuseSecond(other, real);
  }
  // The library would otherwise pin the calling thread, which is the host's, to a subset of the
  // processors when it starts its worker pool (src/runtime/threading_backend.cc, v0.18). A value
  // that the user set stays.
  setenv("TVM_BIND_THREADS", "0", 0);
  // How often a worker without work yields before it sleeps. The library's own 300,000 would burn
  // a processor for 0.1 s after every run, and keep a pool that has been told to end for as long
  // (docs/decisions/0005).
  setenv("TVM_THREAD_POOL_SPIN_COUNT", "5000", 0);
  Silence silence;
  for (const std::string& dependency : preload) Preload(dependency);
  // Global, because modules that a C compiler built refer to the library's TVMBackend* functions by
  // name.
  void* handle = OpenShared(real, RTLD_GLOBAL);
  CApi api;
#define TVM_NODE_LOOKUP(ret, name, params)                          \
  api.name = reinterpret_cast<ret(*) params>(dlsym(handle, #name)); \
  if (!api.name) throw CodedError("ERR_LIBRARY_LOAD", real + " lacks the function " #name);
  TVM_NODE_C_API(TVM_NODE_LOOKUP)
#undef TVM_NODE_LOOKUP
  api_ = api;
  opened_ = real;
  ready_ = true;
}

std::string Library::OpenedPath() {
  std::lock_guard<std::mutex> lock(mutex_);
  return opened_;
}

std::vector<std::string> Library::Loaded() {
  std::vector<std::string> paths;
  dl_iterate_phdr(CollectTvm, &paths);
  return paths;
}

const CApi& Library::Api() {
  if (!ready_.load(std::memory_order_acquire)) {
    throw CodedError("ERR_NO_LIBRARY",
                     "no TVM library is open in this process; call openLibrary() first");
  }
  return api_;
}

void Check(int code) {
  if (code == 0) return;
  const CApi& api = Library::Api();
  const char* text = api.TVMGetLastError();
  const char* trace = api.TVMGetLastBacktrace();
  throw TvmError(text ? text : "unknown error", trace ? trace : "");
}

}  // namespace tvm_node
