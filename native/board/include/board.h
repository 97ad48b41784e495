/*
 * The board runtime: TVM's micro session and minimal RPC (TVM v0.18, src/runtime/crt) for boards without an operating system.
 * A port gives it a line, a clock and memory: the five functions below, in one file. See docs/porting-a-board.md.
 */
#ifndef TVM_NODE_BOARD_H_
#define TVM_NODE_BOARD_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that a port has for the runtime. */
typedef struct {
  /* For tensors and workspaces that are not part of the program. */
  uint8_t* start;
  size_t size;
  /* The lowest bytes of the stack, which grows down to there; NULL and 0 where the most use of it is not to be known. */
  uint8_t* stack;
  size_t stack_size;
  /* Bytes of the program's own variables, among them those that networks work in. */
  size_t variables;
} board_memory_t;

/* How often `port_ticks` counts in a second. */
extern const uint32_t port_ticks_per_second;

/* Brings up line and clock and tells of memory. The arguments are a program's; boards have none. */
void port_start(int argc, char** argv, board_memory_t* memory);

/* Waits for at least one byte from the host, and reads at most `size`. 0 when there is no host any more. */
size_t port_read(uint8_t* data, size_t size);

/* Sends all bytes to the host. */
void port_write(const uint8_t* data, size_t size);

/* A clock that never goes back. */
uint64_t port_ticks(void);

/* Ends the program, or starts it again where it cannot end. Does not return. */
void port_stop(int status);

/* Serves sessions until the host is gone. */
void board_serve(void);

/* What a board's description has to be done before and after all sessions, where it has that. */
void board_prologue(void) __attribute__((weak));
void board_epilogue(void) __attribute__((weak));

/* Sends a line of text to the host, which shows it. Cut after 1,023 bytes. */
void board_log(const char* text);

#ifdef __cplusplus
}
#endif

#endif /* TVM_NODE_BOARD_H_ */
