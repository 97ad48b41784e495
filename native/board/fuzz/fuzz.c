/*
 * Feeds mutated bytes to the runtime: odd inputs as they come over a line, even ones as packets whose frames were right. For
 * clang's -fsanitize=fuzzer,address,undefined.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "board.h"
#include "board_config.h"
#include "rpc.h"

const uint32_t port_ticks_per_second = 1000000U;

static const uint8_t* input;
static size_t input_size;
static uint64_t ticks;

void port_start(int argc, char** argv, board_memory_t* memory) {
  (void)argc;
  (void)argv;
  (void)memory;
}

size_t port_read(uint8_t* data, size_t size) {
  const size_t count = size < input_size ? size : input_size;
  memcpy(data, input, count);
  input += count;
  input_size -= count;
  return count;
}

void port_write(const uint8_t* data, size_t size) {
  (void)data;
  (void)size;
}

/* Fast, so that no time evaluator takes long. */
uint64_t port_ticks(void) { return ticks += 1000000U; }

void port_stop(int status) { exit(status); }

/* Each packet has its length before it in two bytes, and is copied so that the sanitizer knows where it ends. */
static void serve_packets(const uint8_t* data, size_t size) {
  static uint8_t answer_bytes[BOARD_MESSAGE_BYTES];
  rpc_reset();
  while (size >= 2) {
    size_t count = (size_t)(data[0] | data[1] << 8) % 512U;
    data += 2;
    size -= 2;
    if (count > size) count = size;
    uint8_t* const packet = calloc(1, count + 8);
    if (packet == NULL) return;
    for (unsigned i = 0; i < 8; i++) packet[i] = (uint8_t)((uint64_t)count >> (8U * i));
    memcpy(packet + 8, data, count);
    writer_t answer = {.data = answer_bytes, .capacity = sizeof answer_bytes};
    (void)rpc_serve(packet, count + 8, &answer);
    free(packet);
    data += count;
    size -= count;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static uint8_t memory[1 << 16];
  if (size == 0) return 0;
  arena_init(memory, sizeof memory);
  if (data[0] % 2 == 0) {
    serve_packets(data + 1, size - 1);
    return 0;
  }
  input = data + 1;
  input_size = size - 1;
  board_serve();
  return 0;
}
