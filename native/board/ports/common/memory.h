/* Memory of boards whose programs run from flash, by the marks of `sections.ld`. */
#ifndef TVM_NODE_BOARD_MEMORY_H_
#define TVM_NODE_BOARD_MEMORY_H_

#include "board.h"

/* Gives variables their first values. */
void memory_init(void);
/* Tells where heap and stack are. */
void memory_describe(board_memory_t* memory);

#endif /* TVM_NODE_BOARD_MEMORY_H_ */
