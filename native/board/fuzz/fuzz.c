/*
 * Feeds mutated bytes to the runtime in four ways: as they come over a line, as packets whose frames were right, as requests of the kind
 * that a host sends, and as such requests within a session. For clang's -fsanitize=fuzzer,address,undefined.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "board.h"
#include "board_config.h"
#include "frame.h"
#include "functions.h"
#include "requests.h"
#include "rpc.h"
#include "session.h"
#include "stack.h"

const uint32_t port_ticks_per_second = 1000000U;

static uint64_t ticks;
static uint64_t bytes_fed;

/* What the line brings: bytes as they are, or what `next_frame` makes of them. */
static choices_t line;
static bool (*next_frame)(void);
static uint8_t frame[2 * MOST_REQUEST_BYTES];
static size_t frame_size;
static size_t frame_at;
/* Whether what is written is a frame for the board, not one of it. */
static bool is_making;
static uint16_t session;

void port_start(int argc, char** argv, board_memory_t* memory) {
  (void)argc;
  (void)argv;
  (void)memory;
}

size_t port_read(uint8_t* data, size_t size) {
  if (next_frame == NULL) {
    const size_t count = size < line.left ? size : line.left;
    memcpy(data, line.at, count);
    line.at += count;
    line.left -= count;
    return count;
  }
  if (frame_at == frame_size) {
    frame_size = 0;
    frame_at = 0;
    if (!next_frame()) return 0;
  }
  const size_t count = size < frame_size - frame_at ? size : frame_size - frame_at;
  memcpy(data, frame + frame_at, count);
  frame_at += count;
  return count;
}

/* The board answers a host that begins a session by the session's number. */
static void notice_session(const uint8_t* data, size_t size) {
  static const uint8_t begin[] = {0xFF, 0xFD, 4, 0, 0, 0, 1};
  if (size > 8 && memcmp(data, begin, sizeof begin) == 0 && data[8] != 0xFF)
    session = (uint16_t)(data[6] | data[7] << 8);
}

void port_write(const uint8_t* data, size_t size) {
  if (!is_making) {
    notice_session(data, size);
    return;
  }
  if (size > sizeof frame - frame_size) size = sizeof frame - frame_size;
  memcpy(frame + frame_size, data, size);
  frame_size += size;
}

/* Fast, so that no time evaluator takes long. */
uint64_t port_ticks(void) { return ticks += 1000000U; }

void port_stop(int status) { exit(status); }

static void make_frame(uint16_t id, uint8_t type, const uint8_t* body, size_t size) {
  const uint8_t header[SESSION_HEADER] = {(uint8_t)id, (uint8_t)(id >> 8), type};
  is_making = true;
  frame_write(header, sizeof header, body, size);
  is_making = false;
}

static bool next_request(void) {
  static uint8_t request[MOST_REQUEST_BYTES];
  static const uint8_t version = 1;
  if (line.left == 0) return false;
  const uint8_t choice = *line.at++;
  line.left--;
  if (session == 0 || choice == 0) {
    make_frame(1, 0, &version, 1);
  } else if (choice < 8) {
    make_frame(session, choice, &version, choice % 2U);
  } else {
    const size_t size = make_request(&line, 0, request);
    make_frame(session, 0x10, request, size < 3000 ? size : 3000);
    if (choice < 12) frame[frame_size / 2] ^= choice;
  }
  return true;
}

/* Copied, so that the sanitizer knows where the packet ends. */
static uint64_t serve(const uint8_t* bytes, size_t size) {
  static uint8_t answer_bytes[BOARD_MESSAGE_BYTES];
  uint8_t* const packet = malloc(size);
  if (packet == NULL) return 0;
  memcpy(packet, bytes, size);
  writer_t answer = {.data = answer_bytes, .capacity = sizeof answer_bytes};
  const rpc_end_t end = rpc_serve(packet, size, &answer);
  free(packet);
  uint64_t handle = 0;
  if (end == RPC_ANSWER && answer.size == 28) memcpy(&handle, answer_bytes + 20, sizeof handle);
  return handle;
}

/* Each packet has its length before it in two bytes. */
static void serve_packets(const uint8_t* data, size_t size) {
  static uint8_t packet[8 + 512];
  rpc_reset();
  while (size >= 2) {
    size_t count = (size_t)(data[0] | data[1] << 8) % 512U;
    data += 2;
    size -= 2;
    if (count > size) count = size;
    for (unsigned i = 0; i < 8; i++) packet[i] = (uint8_t)((uint64_t)count >> (8U * i));
    memcpy(packet + 8, data, count);
    (void)serve(packet, count + 8);
    data += count;
    size -= count;
  }
}

static void serve_requests(const uint8_t* data, size_t size) {
  static uint8_t request[MOST_REQUEST_BYTES];
  choices_t choices = {data, size};
  uint64_t known = 0;
  rpc_reset();
  while (choices.left > 0) {
    const uint64_t handle = serve(request, make_request(&choices, known, request));
    if (arena_holds(handle, 1)) known = handle;
  }
}

static void serve_line(const uint8_t* data, size_t size, bool (*maker)(void)) {
  line = (choices_t){data, size};
  next_frame = maker;
  frame_size = 0;
  frame_at = 0;
  session = 0;
  board_serve();
}

static void tell(void) { fprintf(stderr, "mutated bytes: %llu\n", (unsigned long long)bytes_fed); }

int LLVMFuzzerInitialize(int* argc, char*** argv) {
  (void)argc;
  (void)argv;
  stack_watch(NULL, 0);
  note_variables(sizeof frame);
  return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static uint8_t memory[1 << 16];
  if (size == 0) return 0;
  bytes_fed += size;
  arena_init(memory, sizeof memory);
  switch (data[0] % 4) {
    case 0:
      serve_packets(data + 1, size - 1);
      break;
    case 1:
      serve_line(data + 1, size - 1, NULL);
      break;
    case 2:
      serve_requests(data + 1, size - 1);
      break;
    default:
      serve_line(data + 1, size - 1, next_request);
  }
  return 0;
}
