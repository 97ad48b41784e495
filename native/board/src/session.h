/*
 * Sessions between a host and this board over frames (TVM v0.18, src/runtime/crt/microtvm_rpc_common/session.cc): each has an
 * id of a random byte of either side, so that messages of an earlier one are told apart.
 */
#ifndef TVM_NODE_BOARD_SESSION_H_
#define TVM_NODE_BOARD_SESSION_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a message's header. */
enum { SESSION_HEADER = 3 };

/* Tells a host that waits that this board has started again. */
void session_start(void);

/*
 * Takes one message. True when it is for the RPC; it begins behind the header. `began` tells that a new session has begun.
 */
bool session_receive(const uint8_t* message, size_t size, bool* began);

/* Answers within the session. */
void session_reply(const uint8_t* packet, size_t size);

/* Ends the session, which the host learns at its next read. */
void session_end(void);

void session_log(const char* text, size_t size);

#endif /* TVM_NODE_BOARD_SESSION_H_ */
