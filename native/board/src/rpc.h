/*
 * TVM's minimal RPC (v0.18, src/runtime/minrpc/minrpc_server.h) as the host's client of micro sessions speaks it: one request,
 * one answer.
 */
#ifndef TVM_NODE_BOARD_RPC_H_
#define TVM_NODE_BOARD_RPC_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board_config.h"
#include "wire.h"

/* Bytes of packets that a host may send, without their length of eight bytes. */
#define RPC_PACKET_BYTES (BOARD_MESSAGE_BYTES - 11)

typedef enum { RPC_ANSWER, RPC_SHUTDOWN } rpc_end_t;

/* Serves one packet, which begins with its length. */
rpc_end_t rpc_serve(const uint8_t* packet, size_t size, writer_t* answer);

/* Forgets what a session held. */
void rpc_reset(void);

#endif /* TVM_NODE_BOARD_RPC_H_ */
