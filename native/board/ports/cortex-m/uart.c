#include "uart.h"

#ifdef BOARD_CMSDK_UART

/* Ticks of its clock for each bit; boards with another one set it. */
#ifndef BOARD_UART_DIVISOR
#define BOARD_UART_DIVISOR 217U
#endif

typedef struct {
  volatile uint32_t data;
  volatile uint32_t state;
  volatile uint32_t control;
  volatile uint32_t interrupts;
  volatile uint32_t divisor;
} uart_t;
static uart_t* const kUart = (uart_t*)BOARD_CMSDK_UART;
enum { TRANSMIT_FULL = 1, RECEIVED = 2 };
enum { TRANSMIT = 1, RECEIVE = 2 };

void uart_open(void) {
  kUart->divisor = BOARD_UART_DIVISOR;
  kUart->control = TRANSMIT | RECEIVE;
}

size_t uart_read(uint8_t* data, size_t size) {
  size_t count = 0;
  if (size == 0) return 0;
  while ((kUart->state & RECEIVED) == 0) {
  }
  while (count < size && (kUart->state & RECEIVED) != 0) data[count++] = (uint8_t)kUart->data;
  return count;
}

void uart_write(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while ((kUart->state & TRANSMIT_FULL) != 0) {
    }
    kUart->data = data[i];
  }
}

#else
/* C wants something in each file. */
typedef int uart_unused_t;
#endif
