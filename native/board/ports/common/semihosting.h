/*
 * A line to the host through a simulator's semihosting (Arm, "Semihosting for AArch32 and AArch64", 2.0; RISC-V, "RISC-V
 * Semihosting", 1.0), at the simulator's standard input and output. While the board waits for the host it executes nothing, and its
 * time stands still. QEMU 7.2 must have no character device for it, of which it would read nothing.
 */
#ifndef TVM_NODE_BOARD_SEMIHOSTING_H_
#define TVM_NODE_BOARD_SEMIHOSTING_H_

#include <stddef.h>
#include <stdint.h>

void semihosting_open(void);
size_t semihosting_read(uint8_t* data, size_t size);
void semihosting_write(const uint8_t* data, size_t size);
/* Ends the simulation. Does not return. */
void semihosting_exit(int status);

#endif /* TVM_NODE_BOARD_SEMIHOSTING_H_ */
