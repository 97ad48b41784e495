/* Libraries that the host brings, and what their code calls (TVM v0.18, src/runtime/library_module.cc). */
#ifndef TVM_NODE_AGENT_LIBRARY_H_
#define TVM_NODE_AGENT_LIBRARY_H_

#include <stddef.h>

#include "call.h"

/* Loads a file of the session, held once. NULL and the library's number, or what is wrong, which stays until the next call. */
const char* library_load(const span_t* name, unsigned* number);
/* A library is unloaded when it is held no more. */
void library_hold(unsigned number);
void library_release(unsigned number);
/* Its function of that name, or NULL. */
board_packed_t library_find(unsigned number, const span_t* name);

/* What a failed function said of it. */
const char* library_error(void);

#endif /* TVM_NODE_AGENT_LIBRARY_H_ */
