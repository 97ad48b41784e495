/* A client's session, on a connection of its own. */
#ifndef TVM_NODE_AGENT_SESSION_H_
#define TVM_NODE_AGENT_SESSION_H_

/* Checks the client's key, then serves it until it ends or is gone. */
void session_serve(int line, const char* key);

#endif /* TVM_NODE_AGENT_SESSION_H_ */
