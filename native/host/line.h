// A line to a board: a descriptor that is polled, so that whoever reads it may wait without an event loop.
#ifndef TVM_NODE_HOST_LINE_H_
#define TVM_NODE_HOST_LINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tvm_node {

/** No limit to how long a call waits. */
constexpr int64_t kNoTimeout = -1;

class Line {
 public:
  /** Takes over the descriptor. */
  explicit Line(int fd);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /** Connects with a peer over TCP, by a numeric address. Throws `ERR_CONNECTION`. */
  static int Connect(const std::string& host, int port, int timeout_ms);
  /** Opens a serial port: raw, 8 bits, no parity, one stop bit. Throws `ERR_CONNECTION`. */
  static int OpenSerial(const std::string& path, int baud);
  /** Two ends of a line within this machine; only child processes given the second one inherit it. */
  static std::pair<int, int> Pair();

  /** Keeps bytes until the next `Receive` or `Flush`: requests are many small pieces. */
  void Send(const char* data, size_t size, int64_t timeout_us);
  void Flush(int64_t timeout_us);
  /**
   * What has arrived, after waiting for at least one byte; nothing when the time is over. Throws `ERR_CONNECTION` when the line
   * is closed.
   */
  std::string Receive(int64_t timeout_us);
  void Close();

 private:
  bool Wait(short events, int64_t timeout_us) const;

  int fd_;
  std::vector<char> waiting_;
};

}  // namespace tvm_node

#endif  // TVM_NODE_HOST_LINE_H_
