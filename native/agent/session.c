/* TVM's RPC over a stream (v0.18, src/runtime/rpc/rpc_endpoint.cc); the requests within are those that boards know. */
#define _DEFAULT_SOURCE
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "rpc.h"
#include "wire.h"

enum { MAGIC = 0xFF271, MISMATCH = 0xFF273, LONGEST_KEY = 4096, GREETING_SECONDS = 10 };
/* Room for an answer; pages that are never written cost nothing. */
static const size_t kAnswer = sizeof(void*) > 4 ? (size_t)1 << 36 : (size_t)1 << 28;
/* Above this, pages of an answer are given back. */
enum { ANSWER_KEPT = 1 << 20 };

static int connection;
static double limit_seconds;

static bool read_all(void* data, size_t size) {
  uint8_t* at = data;
  while (size > 0) {
    const ssize_t count = read(connection, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    size -= (size_t)count;
  }
  return true;
}

static bool write_all(const void* data, size_t size) {
  const uint8_t* at = data;
  while (size > 0) {
    const ssize_t count = send(connection, at, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    size -= (size_t)count;
  }
  return true;
}

static bool read_word(int32_t* value) {
  uint8_t bytes[4];
  if (!read_all(bytes, sizeof bytes)) return false;
  reader_t reader = {.at = bytes, .left = sizeof bytes};
  *value = read_i32(&reader);
  return true;
}

static bool write_word(int32_t value) {
  uint8_t bytes[4];
  writer_t writer = {.data = bytes, .capacity = sizeof bytes};
  write_i32(&writer, value);
  return write_all(bytes, sizeof bytes);
}

/* Takes as long for any key of the right length. */
static bool same(const char* a, const char* b) {
  const size_t size = strlen(a);
  if (size != strlen(b)) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < size; i++) difference |= (unsigned char)(a[i] ^ b[i]);
  return difference == 0;
}

/* The client's key is `client:<key>`, then words such as `-timeout=<seconds>`. */
static bool greet(const char* key) {
  static char text[LONGEST_KEY + 1];
  static char wanted[LONGEST_KEY + 16];
  static char name[LONGEST_KEY + 16];
  const struct timeval patience = {.tv_sec = GREETING_SECONDS};
  (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int32_t magic = 0;
  int32_t size = 0;
  if (!read_word(&magic) || magic != MAGIC || !read_word(&size) || size < 0 || size > LONGEST_KEY) return false;
  if (!read_all(text, (size_t)size)) return false;
  text[size] = '\0';
  (void)snprintf(wanted, sizeof wanted, "client:%s", key);
  char* rest = NULL;
  const char* const first = strtok_r(text, " \t\r\n", &rest);
  if (first == NULL || !same(first, wanted)) {
    (void)write_word(MISMATCH);
    return false;
  }
  static const char kTimeout[] = "-timeout=";
  for (const char* word = strtok_r(NULL, " \t\r\n", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n", &rest))
    if (strncmp(word, kTimeout, sizeof kTimeout - 1) == 0) limit_seconds = strtod(word + sizeof kTimeout - 1, NULL);
  const int length = snprintf(name, sizeof name, "server:%s", key);
  const struct timeval forever = {0};
  (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
  return write_word(MAGIC) && write_word(length) && write_all(name, (size_t)length);
}

/* An exception that no request asked for, by which clients know that their time is over. */
static uint8_t expired[256];
static size_t expired_size;

static void expire(int signal_number) {
  (void)signal_number;
  (void)!write(connection, expired, expired_size);
  _exit(0);
}

static void limit_time(void) {
  char text[160];
  if (!(limit_seconds > 0) || limit_seconds > 1e9) return;
  const int size = snprintf(text, sizeof text,
                            "RPCSessionTimeoutError: Your %gs session has expired, try to increase the \"session_timeout\" value.",
                            limit_seconds);
  writer_t writer = {.data = expired, .capacity = sizeof expired};
  write_u64(&writer, 20U + (unsigned)size);
  write_i32(&writer, 5);
  write_i32(&writer, 1);
  write_i32(&writer, 11);
  write_u64(&writer, (uint64_t)size);
  write_bytes(&writer, text, (size_t)size);
  expired_size = writer.size;
  (void)signal(SIGALRM, expire);
  const struct itimerval timer = {
      .it_value = {.tv_sec = (time_t)limit_seconds,
                   .tv_usec = (suseconds_t)((limit_seconds - (double)(time_t)limit_seconds) * 1e6) + 1}};
  (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static bool serve_packet(uint8_t* room) {
  uint8_t length[8];
  if (!read_all(length, sizeof length)) return false;
  reader_t reader = {.at = length, .left = sizeof length};
  const uint64_t size = read_u64(&reader);
  if (size == 0) return true;
  uint8_t* const packet = size > SIZE_MAX - 8 ? NULL : malloc((size_t)size + 8);
  if (packet == NULL) return false;
  memcpy(packet, length, sizeof length);
  writer_t answer = {.data = room, .capacity = kAnswer};
  bool more = read_all(packet + 8, (size_t)size) && rpc_serve(packet, (size_t)size + 8, &answer) == RPC_ANSWER;
  more = more && write_all(answer.data, answer.size);
  free(packet);
  if (answer.size > ANSWER_KEPT) (void)madvise(room, answer.size, MADV_DONTNEED);
  return more;
}

void session_serve(int line, const char* key) {
  connection = line;
  if (!greet(key)) return;
  uint8_t* const room = mmap(NULL, kAnswer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    perror("memory for answers");
    return;
  }
  limit_time();
  rpc_reset();
  while (serve_packet(room)) {
  }
}
