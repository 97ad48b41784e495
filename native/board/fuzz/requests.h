/* Makes requests of the kind that a host sends out of bytes of any kind, so that mutations reach what comes after the framing. */
#ifndef TVM_NODE_BOARD_FUZZ_REQUESTS_H_
#define TVM_NODE_BOARD_FUZZ_REQUESTS_H_

#include <stddef.h>
#include <stdint.h>

/* Bytes that choose; 0 when there are none left. */
typedef struct {
  const uint8_t* at;
  size_t left;
} choices_t;

enum { MOST_REQUEST_BYTES = 4096 };

/* Writes one request with its length and returns its bytes. `known` is an address that a request was answered with. */
size_t make_request(choices_t* choices, uint64_t known, uint8_t request[MOST_REQUEST_BYTES]);

#endif /* TVM_NODE_BOARD_FUZZ_REQUESTS_H_ */
