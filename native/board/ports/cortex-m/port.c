/* Cortex-M processors: a line by semihosting, a clock by SysTick. */
#include "board.h"
#include "clock.h"
#include "memory.h"
#include "semihosting.h"

#ifndef BOARD_COUNTS_A_SECOND
#error "BOARD_COUNTS_A_SECOND must be how often the clock counts in a second"
#endif
const uint32_t port_ticks_per_second = BOARD_COUNTS_A_SECOND;

void port_start(int argc, char** argv, board_memory_t* memory) {
  (void)argc;
  (void)argv;
  memory_describe(memory);
  semihosting_open();
  clock_start();
}

size_t port_read(uint8_t* data, size_t size) { return semihosting_read(data, size); }

void port_write(const uint8_t* data, size_t size) { semihosting_write(data, size); }

uint64_t port_ticks(void) { return clock_counts(); }

void port_stop(int status) { semihosting_exit(status); }
