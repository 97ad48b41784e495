/* Little-endian numbers from and to a message. Neither leaves its bounds: what does not fit sets `failed`. */
#ifndef TVM_NODE_BOARD_WIRE_H_
#define TVM_NODE_BOARD_WIRE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t* at;
  size_t left;
  bool failed;
} reader_t;

uint64_t read_number(reader_t* reader, unsigned bytes);
static inline uint8_t read_u8(reader_t* reader) { return (uint8_t)read_number(reader, 1); }
static inline uint16_t read_u16(reader_t* reader) { return (uint16_t)read_number(reader, 2); }
static inline int32_t read_i32(reader_t* reader) { return (int32_t)(uint32_t)read_number(reader, 4); }
static inline uint64_t read_u64(reader_t* reader) { return read_number(reader, 8); }
/* The next bytes in place, or NULL. */
const uint8_t* read_bytes(reader_t* reader, uint64_t size);

typedef struct {
  uint8_t* data;
  size_t size;
  size_t capacity;
  bool failed;
} writer_t;

void write_number(writer_t* writer, uint64_t value, unsigned bytes);
static inline void write_i32(writer_t* writer, int32_t value) {
  write_number(writer, (uint32_t)value, 4);
}
static inline void write_u64(writer_t* writer, uint64_t value) { write_number(writer, value, 8); }
/* Room for bytes that the caller fills, or NULL. */
uint8_t* write_room(writer_t* writer, size_t size);
void write_bytes(writer_t* writer, const void* data, size_t size);

#endif /* TVM_NODE_BOARD_WIRE_H_ */
