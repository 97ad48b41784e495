/* Start-up of Cortex-M processors (Arm, Armv7-M and Armv8-M Architecture Reference Manuals, exception model). */
#include <stdint.h>

#include "board.h"
#include "clock.h"
#include "memory.h"

extern uint8_t board_stack_end[];
int main(int argc, char** argv);

/* Coprocessor Access Control Register: the floating-point and vector units are coprocessors 10 and 11. */
static volatile uint32_t* const kAccess = (volatile uint32_t*)0xE000ED88U;
static const uint32_t kFullAccess = 0xFU << 20;

void board_reset(void) {
  *kAccess |= kFullAccess;
  __asm__ volatile("dsb\nisb" ::: "memory");
  memory_init();
  (void)main(0, 0);
  port_stop(1);
}

/* Any exception but that of the clock: the program cannot go on. */
static void fault(void) { port_stop(1); }

typedef void (*handler_t)(void);
enum { EXCEPTIONS = 16, RESET = 1, SYSTICK = 15 };

__attribute__((section(".vectors"), used)) static const struct {
  void* stack;
  handler_t handlers[EXCEPTIONS - 1];
} vectors = {board_stack_end,
             {board_reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
              fault, fault, clock_wrapped}};
