#include "line.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "../tvm/error.h"
#include "socket.h"

namespace tvm_node {
namespace {

constexpr size_t kMostWaiting = 1 << 16;
constexpr size_t kChunk = 1 << 14;

[[noreturn]] void Fail(const std::string& what, int error = errno) {
  throw CodedError("ERR_CONNECTION", what + ": " + std::strerror(error));
}

speed_t SpeedOf(int baud) {
  switch (baud) {
    case 9600:
      return B9600;
    case 19200:
      return B19200;
    case 38400:
      return B38400;
    case 57600:
      return B57600;
    case 115200:
      return B115200;
    case 230400:
      return B230400;
#ifdef B460800
    case 460800:
      return B460800;
    case 921600:
      return B921600;
    case 1000000:
      return B1000000;
    case 2000000:
      return B2000000;
#endif
    default:
      throw CodedError("ERR_INVALID_ARGUMENT",
                       "a serial port has no speed of " + std::to_string(baud) + " baud");
  }
}

}  // namespace

Line::Line(int fd) : fd_(fd) { SetBlocking(fd, false); }

Line::~Line() { Close(); }

void Line::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

int Line::Connect(const std::string& host, int port, int timeout_ms) {
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  auto* four = reinterpret_cast<sockaddr_in*>(&address);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<uint16_t>(port));
  } else if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(static_cast<uint16_t>(port));
    size = sizeof(sockaddr_in6);
  } else {
    throw CodedError("ERR_INVALID_ARGUMENT", "'" + host + "' is no numeric address");
  }
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) Fail("cannot make a socket");
  const std::string where = host + ":" + std::to_string(port);
  const auto refuse = [&](int error) {
    close(fd);
    Fail("cannot connect with " + where, error);
  };
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) {
    if (errno != EINPROGRESS) refuse(errno);
    pollfd wait{fd, POLLOUT, 0};
    if (poll(&wait, 1, timeout_ms) != 1) refuse(ETIMEDOUT);
    int error = 0;
    socklen_t error_size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (error != 0) refuse(error);
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int Line::OpenSerial(const std::string& path, int baud) {
  const speed_t speed = SpeedOf(baud);
  const int fd = open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) Fail("cannot open " + path);
  termios settings{};
  const auto refuse = [&](const std::string& what) {
    const int error = errno;
    close(fd);
    Fail(what, error);
  };
  // Two programs on one port would each take some of the bytes.
  if (ioctl(fd, TIOCEXCL) != 0 || tcgetattr(fd, &settings) != 0) refuse(path + " is no serial port");
  cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | PARENB | CRTSCTS);
  cfsetspeed(&settings, speed);
  if (tcsetattr(fd, TCSANOW, &settings) != 0) refuse("cannot set up " + path);
  tcflush(fd, TCIOFLUSH);
  return fd;
}

std::pair<int, int> Line::Pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) Fail("cannot make a line");
  return {ends[0], ends[1]};
}

bool Line::Wait(short events, int64_t timeout_us) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::microseconds(timeout_us < 0 ? 0 : timeout_us);
  for (;;) {
    int wait_ms = -1;
    if (timeout_us >= 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      wait_ms = left.count() < 0 ? 0 : static_cast<int>(left.count());
    }
    pollfd wait{fd_, events, 0};
    const int ready = poll(&wait, 1, wait_ms);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) Fail("cannot wait for the board");
  }
}

void Line::Send(const char* data, size_t size, int64_t timeout_us) {
  waiting_.insert(waiting_.end(), data, data + size);
  if (waiting_.size() >= kMostWaiting) Flush(timeout_us);
}

void Line::Flush(int64_t timeout_us) {
  size_t at = 0;
  while (at < waiting_.size()) {
    const ssize_t count = write(fd_, waiting_.data() + at, waiting_.size() - at);
    if (count > 0) {
      at += static_cast<size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!Wait(POLLOUT, timeout_us))
        throw CodedError("ERR_CONNECTION", "the board takes no more bytes");
    } else if (errno != EINTR) {
      waiting_.clear();
      Fail("the line to the board is closed");
    }
  }
  waiting_.clear();
}

std::string Line::Receive(int64_t timeout_us) {
  Flush(timeout_us);
  std::string bytes(kChunk, '\0');
  for (;;) {
    const ssize_t count = read(fd_, &bytes[0], bytes.size());
    if (count > 0) {
      bytes.resize(static_cast<size_t>(count));
      return bytes;
    }
    if (count == 0) throw CodedError("ERR_CONNECTION", "the board closed the line");
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) Fail("the line to the board is closed");
    if (!Wait(POLLIN, timeout_us)) return "";
  }
}

}  // namespace tvm_node
