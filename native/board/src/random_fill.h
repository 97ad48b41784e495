/* Fills an array with numbers to time operators on (TVM v0.18, src/runtime/contrib/random). */
#ifndef TVM_NODE_BOARD_RANDOM_FILL_H_
#define TVM_NODE_BOARD_RANDOM_FILL_H_

#include "call.h"

/* Small values of all numeric types that no operator divides by, the same at each call. NULL, or what is wrong. */
const char* random_fill(const arguments_t* arguments, result_t* result);

#endif /* TVM_NODE_BOARD_RANDOM_FILL_H_ */
