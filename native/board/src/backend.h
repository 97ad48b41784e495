/* What generated code calls (TVM v0.18, include/tvm/runtime/c_backend_api.h), as far as a board has it. */
#ifndef TVM_NODE_BOARD_BACKEND_H_
#define TVM_NODE_BOARD_BACKEND_H_

/* Before an operator: no error, no workspace. */
void backend_begin(void);
/* After it: frees the workspaces that one that failed has left. */
void backend_end(void);
/* What the last operator said went wrong, or NULL. */
const char* backend_error(void);

#endif /* TVM_NODE_BOARD_BACKEND_H_ */
