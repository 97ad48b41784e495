/* Sizes that a board may choose; each is the compiler's to set (-DBOARD_...). */
#ifndef TVM_NODE_BOARD_CONFIG_H_
#define TVM_NODE_BOARD_CONFIG_H_

/* Bytes of a message with its session header, both ways. The host's client takes no more than 2,048. */
#ifndef BOARD_MESSAGE_BYTES
#define BOARD_MESSAGE_BYTES 2048
#endif
#if BOARD_MESSAGE_BYTES < 256 || BOARD_MESSAGE_BYTES > 2048
#error "BOARD_MESSAGE_BYTES must be 256 to 2048"
#endif

/* Arguments of one call, and the dimensions of all its tensors together. */
#ifndef BOARD_MAX_ARGS
#define BOARD_MAX_ARGS 48
#endif
#ifndef BOARD_MAX_DIMS
#define BOARD_MAX_DIMS 192
#endif

/* Time evaluators that the host may hold at once. */
#ifndef BOARD_EVALUATORS
#define BOARD_EVALUATORS 8
#endif

/* Whether the port's ticks are instructions, as in a simulator, rather than time. */
#ifndef BOARD_COUNTS_INSTRUCTIONS
#define BOARD_COUNTS_INSTRUCTIONS 0
#endif

#endif /* TVM_NODE_BOARD_CONFIG_H_ */
