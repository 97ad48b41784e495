/*
 * Frames of bytes on a line that may lose or change some, or carry a boot loader's words (TVM v0.18,
 * src/runtime/crt/microtvm_rpc_common/framing.cc): FF FD, the length in 32 bits, the payload, and a checksum over all that in
 * 16. After FF FD each FF is doubled; FF FE means nothing.
 */
#ifndef TVM_NODE_BOARD_FRAME_H_
#define TVM_NODE_BOARD_FRAME_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { FRAME_NONE, FRAME_COMPLETE, FRAME_DAMAGED } frame_event_t;

typedef struct {
  uint8_t* payload;
  size_t capacity;
  /* Bytes of the payload so far, and of the field that is being read. */
  size_t size;
  unsigned field_size;
  uint32_t length;
  uint16_t checksum;
  uint16_t checksum_sent;
  uint8_t state;
  bool escaped;
} frame_reader_t;

void frame_reader_init(frame_reader_t* reader, uint8_t* payload, size_t capacity);

/*
 * Takes bytes up to the end of a frame, and tells by `used` how many. With FRAME_COMPLETE the payload is there until the next
 * call; FRAME_DAMAGED is a frame with a wrong checksum or escape, or one that is too long.
 */
frame_event_t frame_read(frame_reader_t* reader, const uint8_t* data, size_t size, size_t* used);

/* Sends a frame whose payload comes in two pieces. */
void frame_write(const uint8_t* head, size_t head_size, const uint8_t* body, size_t body_size);

/* Sends what makes the other side forget half a frame. */
void frame_write_reset(void);

/* CRC-16/CCITT-FALSE, continued from `checksum`; 0xFFFF to begin with. */
uint16_t frame_checksum(uint16_t checksum, const uint8_t* data, size_t size);

#endif /* TVM_NODE_BOARD_FRAME_H_ */
