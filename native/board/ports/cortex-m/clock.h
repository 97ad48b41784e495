/* A clock made of SysTick: 24 bits in the processor, the rest counted here. */
#ifndef TVM_NODE_BOARD_CLOCK_H_
#define TVM_NODE_BOARD_CLOCK_H_

#include <stdint.h>

void clock_start(void);
uint64_t clock_counts(void);

/* The handler of SysTick's exception. */
void clock_wrapped(void);

#endif /* TVM_NODE_BOARD_CLOCK_H_ */
