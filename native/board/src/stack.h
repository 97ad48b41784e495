/* How much of the stack was ever in use: what is below the current frame is filled with a pattern at the start. */
#ifndef TVM_NODE_BOARD_STACK_H_
#define TVM_NODE_BOARD_STACK_H_

#include <stddef.h>
#include <stdint.h>

void stack_watch(uint8_t* lowest, size_t size);
void stack_usage(size_t* size, size_t* peak);

#endif /* TVM_NODE_BOARD_STACK_H_ */
