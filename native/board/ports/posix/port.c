/*
 * A process on Linux or another POSIX system: a line over its standard input and output, or over TCP (`--listen PORT`, loopback
 * only unless `--host ADDRESS`). `--memory BYTES` sets what tensors have.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

const uint32_t port_ticks_per_second = 1000000000U;

/* The linker's marks around the program's variables. */
extern char __data_start[];
extern char _end[];

static const size_t kDefaultMemory = (size_t)64 << 20;
static int line_in = STDIN_FILENO;
static int line_out = STDOUT_FILENO;
static int listener = -1;

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void accept_host(void) {
  const int line = accept(listener, NULL, NULL);
  if (line < 0) fail("accept");
  const int on = 1;
  (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  line_in = line;
  line_out = line;
}

/* Tells on standard output where it listens, since port 0 is any free one. */
static void listen_on(const char* host, const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  socklen_t size = sizeof address;
  const int on = 1;
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    errno = EINVAL;
    fail(host);
  }
  listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) fail("socket");
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 1) != 0) fail("listen");
  if (getsockname(listener, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
  printf("listening on %s:%u\n", host, (unsigned)ntohs(address.sin_port));
  fflush(stdout);
  accept_host();
}

void port_start(int argc, char** argv, board_memory_t* memory) {
  const char* host = "127.0.0.1";
  const char* port = NULL;
  size_t size = kDefaultMemory;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--listen") == 0) port = argv[i + 1];
    if (strcmp(argv[i], "--host") == 0) host = argv[i + 1];
    if (strcmp(argv[i], "--memory") == 0) size = (size_t)strtoull(argv[i + 1], NULL, 10);
  }
  signal(SIGPIPE, SIG_IGN);
  memory->start = malloc(size);
  memory->size = memory->start == NULL ? 0 : size;
  memory->variables = (size_t)((uintptr_t)_end - (uintptr_t)__data_start);
  if (port != NULL) listen_on(host, port);
}

/* With TCP, the next host may come when one has gone. */
size_t port_read(uint8_t* data, size_t size) {
  for (;;) {
    const ssize_t count = read(line_in, data, size);
    if (count > 0) return (size_t)count;
    if (count < 0 && errno == EINTR) continue;
    if (listener < 0) return 0;
    close(line_in);
    accept_host();
  }
}

void port_write(const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t count = write(line_out, data, size);
    if (count < 0 && errno != EINTR) return;
    if (count <= 0) continue;
    data += count;
    size -= (size_t)count;
  }
}

uint64_t port_ticks(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void port_stop(int status) { exit(status); }
