/*
 * A server of TVM's RPC for boards with Linux on which nothing is installed. Each session is a process with a folder of its own;
 * when it ends, however it ends, both are gone.
 *
 * tvm-agent [--host ADDRESS] [--port PORT] [--key KEY] [--threads COUNT] [--memory BYTES] [--unlink]
 *
 * It listens on 127.0.0.1 and any free port unless told otherwise, and prints which. Without --key, KEY of the environment is
 * the key. --unlink removes the program's own file.
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "board.h"
#include "files.h"
#include "session.h"
#include "threads.h"

const uint32_t port_ticks_per_second = 1000000000U;

uint64_t port_ticks(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

typedef struct {
  const char* host;
  const char* key;
  long port;
  long threads;
  unsigned long long memory;
} options_t;

static volatile sig_atomic_t ending;
static void end(int signal_number) { ending = signal_number; }

static _Noreturn void fail(const char* what) {
  (void)fprintf(stderr, "tvm-agent: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long number(const char* name, const char* text, long most) {
  char* rest = NULL;
  const long value = strtol(text, &rest, 10);
  if (rest == text || *rest != '\0' || value < 0 || value > most) {
    (void)fprintf(stderr, "tvm-agent: %s takes a number up to %ld\n", name, most);
    exit(2);
  }
  return value;
}

static options_t read_options(int argc, char** argv) {
  const char* const key = getenv("KEY");
  options_t options = {.host = "127.0.0.1", .key = key == NULL ? "" : key};
  for (int i = 1; i < argc; i++) {
    const char* const name = argv[i];
    if (strcmp(name, "--unlink") == 0) {
      (void)unlink(argv[0]);
      continue;
    }
    const char* const value = i + 1 < argc ? argv[++i] : "";
    if (strcmp(name, "--host") == 0) options.host = value;
    else if (strcmp(name, "--key") == 0) options.key = value;
    else if (strcmp(name, "--port") == 0) options.port = number(name, value, 65535);
    else if (strcmp(name, "--threads") == 0) options.threads = number(name, value, 64);
    else if (strcmp(name, "--memory") == 0) options.memory = strtoull(value, NULL, 10);
    else {
      (void)fprintf(stderr, "tvm-agent: unknown option %s\n", name);
      exit(2);
    }
  }
  return options;
}

static int listen_on(const options_t* options) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  socklen_t size = sizeof address;
  const int on = 1;
  if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
    (void)fprintf(stderr, "tvm-agent: --host takes a numeric address\n");
    exit(2);
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 16) != 0) fail("listen");
  if (getsockname(listener, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
  (void)printf("bind to %s:%u\n", options->host, (unsigned)ntohs(address.sin_port));
  (void)fflush(stdout);
  return listener;
}

/* Half of the machine's memory; what is not used costs nothing. */
static void take_memory(unsigned long long wanted) {
  unsigned long long size = wanted;
  if (size == 0) size = (unsigned long long)sysconf(_SC_PHYS_PAGES) / 2 * (unsigned long long)sysconf(_SC_PAGESIZE);
  const unsigned long long most = sizeof(void*) > 4 ? 1ULL << 40 : 1ULL << 30;
  if (size > most) size = most;
  for (; size > 1 << 20; size /= 2) {
    void* const memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) continue;
    arena_init(memory, (size_t)size);
    return;
  }
  fail("memory");
}

static void watch_peer(int line) {
  const int on = 1;
  const int idle = 10;
  const int every = 3;
  const int tries = 3;
  (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(line, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(line, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  (void)setsockopt(line, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  (void)setsockopt(line, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

static void serve_client(int line, const options_t* options) {
  const char* const wrong = files_begin();
  if (wrong != NULL) {
    (void)fprintf(stderr, "tvm-agent: %s\n", wrong);
    return;
  }
  const pid_t server = getpid();
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    /* A session does not outlive the server. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != server) _exit(1);
    take_memory(options->memory);
    threads_start((int)options->threads);
    watch_peer(line);
    session_serve(line, options->key);
    _exit(0);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    if (ending) (void)kill(child, SIGKILL);
  if (child < 0) perror("tvm-agent: fork");
  else if (WIFSIGNALED(status) && !ending)
    (void)fprintf(stderr, "tvm-agent: a session was ended by signal %d\n", WTERMSIG(status));
  files_end();
}

int main(int argc, char** argv) {
  const options_t options = read_options(argc, argv);
  const struct sigaction action = {.sa_handler = end};
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGHUP, &action, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
  const int listener = listen_on(&options);
  while (!ending) {
    const int line = accept(listener, NULL, NULL);
    if (line < 0 && errno != EINTR && errno != ECONNABORTED) fail("accept");
    if (line < 0) continue;
    serve_client(line, &options);
    (void)close(line);
  }
  return 0;
}
