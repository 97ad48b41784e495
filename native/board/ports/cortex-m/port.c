/* Cortex-M processors: a line by a UART or by semihosting, a clock by SysTick. */
#include "board.h"
#include "clock.h"
#include "memory.h"
#include "semihosting.h"
#include "uart.h"

#ifndef BOARD_COUNTS_A_SECOND
#error "BOARD_COUNTS_A_SECOND must be how often the clock counts in a second"
#endif
const uint32_t port_ticks_per_second = BOARD_COUNTS_A_SECOND;

#ifdef BOARD_CMSDK_UART
static void line_open(void) { uart_open(); }

size_t port_read(uint8_t* data, size_t size) { return uart_read(data, size); }

void port_write(const uint8_t* data, size_t size) { uart_write(data, size); }

/* Application Interrupt and Reset Control Register (Armv7-M Architecture Reference Manual, B3.2.6): the program starts again. */
static volatile uint32_t* const kResetControl = (volatile uint32_t*)0xE000ED0CU;

void port_stop(int status) {
  (void)status;
  for (;;) *kResetControl = 0x05FA0004U;
}
#else
static void line_open(void) { semihosting_open(); }

size_t port_read(uint8_t* data, size_t size) { return semihosting_read(data, size); }

void port_write(const uint8_t* data, size_t size) { semihosting_write(data, size); }

void port_stop(int status) { semihosting_exit(status); }
#endif

void port_start(int argc, char** argv, board_memory_t* memory) {
  (void)argc;
  (void)argv;
  memory_describe(memory);
  line_open();
  clock_start();
}

uint64_t port_ticks(void) { return clock_counts(); }
