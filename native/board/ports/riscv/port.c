/* RISC-V processors of 32 bits: a line by semihosting, a clock by the counters of cycles or instructions. */
#include "board.h"
#include "board_config.h"
#include "memory.h"
#include "semihosting.h"

#ifndef BOARD_COUNTS_A_SECOND
#error "BOARD_COUNTS_A_SECOND must be how often the clock counts in a second"
#endif
const uint32_t port_ticks_per_second = BOARD_COUNTS_A_SECOND;

/* QEMU 7.2 gives its own time in place of the number of instructions: 2 to this power for each. */
#ifndef BOARD_TICK_SHIFT
#define BOARD_TICK_SHIFT 0U
#endif

#if BOARD_COUNTS_INSTRUCTIONS
#define COUNTER "minstret"
#else
#define COUNTER "mcycle"
#endif

void port_start(int argc, char** argv, board_memory_t* memory) {
  (void)argc;
  (void)argv;
  memory_describe(memory);
  semihosting_open();
}

size_t port_read(uint8_t* data, size_t size) { return semihosting_read(data, size); }

void port_write(const uint8_t* data, size_t size) { semihosting_write(data, size); }

uint64_t port_ticks(void) {
  uint32_t high = 0;
  uint32_t low = 0;
  uint32_t again = 0;
  do {
    __asm__ volatile("csrr %0, " COUNTER "h" : "=r"(high));
    __asm__ volatile("csrr %0, " COUNTER : "=r"(low));
    __asm__ volatile("csrr %0, " COUNTER "h" : "=r"(again));
  } while (high != again);
  return ((uint64_t)high << 32 | low) >> BOARD_TICK_SHIFT;
}

void port_stop(int status) { semihosting_exit(status); }
