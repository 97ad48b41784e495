#include "socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#ifdef __linux__
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstdlib>
#endif

#include "../tvm/error.h"

namespace tvm_node {
namespace {

[[noreturn]] void Fail(const char* what) {
  throw CodedError("ERR_CONNECTION", std::string(what) + ": " + std::strerror(errno));
}

#ifdef __linux__
std::vector<int> OpenDescriptors() {
  std::vector<int> result;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return result;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') result.push_back(std::atoi(entry->d_name));
  }
  closedir(folder);
  return result;
}

bool IsTcp(int fd) {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

void Set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}
#endif

}  // namespace

void SetBlocking(int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) Fail("cannot read a socket's flags");
  const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (fcntl(fd, F_SETFL, wanted) < 0) Fail("cannot set a socket's flags");
}

int Duplicate(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) Fail("cannot duplicate a socket");
  return copy;
}

bool IsHungUp(int fd) {
#ifdef __linux__
  tcp_info info;
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED;
#else
  return false;
#endif
}

void NoticeDeadPeers(int seconds) {
#ifdef __linux__
  constexpr int kProbes = 4;
  const int interval = seconds / (kProbes + 1) > 0 ? seconds / (kProbes + 1) : 1;
  for (const int fd : OpenDescriptors()) {
    if (!IsTcp(fd)) continue;
    Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    Set(fd, IPPROTO_TCP, TCP_KEEPIDLE, interval);
    Set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    Set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
    // Probes are not sent while data wait to be acknowledged.
    Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
  }
#endif
}

}  // namespace tvm_node
