#include "clock.h"

#include "board_config.h"

/*
 * Counts are ticks times BOARD_TICK_FACTOR, divided by 2 to the power of BOARD_TICK_SHIFT. A simulator's instruction takes more
 * than two ticks of its time, so that these make the number of instructions, exactly.
 */
#ifndef BOARD_TICK_FACTOR
#define BOARD_TICK_FACTOR 1U
#endif
#ifndef BOARD_TICK_SHIFT
#define BOARD_TICK_SHIFT 0U
#endif

/* Armv7-M Architecture Reference Manual, B3.3. */
static volatile uint32_t* const kControl = (volatile uint32_t*)0xE000E010U;
static volatile uint32_t* const kReload = (volatile uint32_t*)0xE000E014U;
static volatile uint32_t* const kValue = (volatile uint32_t*)0xE000E018U;
enum { ENABLE = 1, INTERRUPT = 2, PROCESSOR_CLOCK = 4 };
enum { BITS = 24 };
static const uint32_t kMask = (1U << BITS) - 1U;

/* Instructions of the handler, which are not the program's. */
enum { HANDLER = BOARD_COUNTS_INSTRUCTIONS ? 5 : 0 };

static volatile uint32_t wraps;

__attribute__((naked)) void clock_wrapped(void) {
  __asm__ volatile(
      "ldr r0, =%c0\n"
      "ldr r1, [r0]\n"
      "adds r1, #1\n"
      "str r1, [r0]\n"
      "bx lr\n" ::"i"(&wraps));
}

void clock_start(void) {
  *kReload = kMask;
  *kValue = 0;
  *kControl = ENABLE | INTERRUPT | PROCESSOR_CLOCK;
}

/* The same instructions at each call, so that what is counted repeats. */
uint64_t clock_counts(void) {
  uint32_t high = 0;
  uint32_t low = 0;
  do {
    high = wraps;
    low = (0U - *kValue) & kMask;
  } while (high != wraps);
  const uint64_t ticks = (uint64_t)high << BITS | low;
  const uint64_t half = (1ULL << BOARD_TICK_SHIFT) >> 1;
  return ((ticks * BOARD_TICK_FACTOR + half) >> BOARD_TICK_SHIFT) - (uint64_t)high * HANDLER;
}
