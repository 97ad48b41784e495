/*
 * A line by a UART of Arm's (CMSDK APB UART: Cortex-M System Design Kit, Technical Reference Manual, 4.3), which Arm's MPS2 boards and
 * their models have. BOARD_CMSDK_UART is its address, the board's to set; without it the line is by semihosting.
 */
#ifndef TVM_NODE_BOARD_UART_H_
#define TVM_NODE_BOARD_UART_H_

#include <stddef.h>
#include <stdint.h>

void uart_open(void);
size_t uart_read(uint8_t* data, size_t size);
void uart_write(const uint8_t* data, size_t size);

#endif /* TVM_NODE_BOARD_UART_H_ */
