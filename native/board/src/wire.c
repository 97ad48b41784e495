#include "wire.h"

#include <string.h>

const uint8_t* read_bytes(reader_t* reader, uint64_t size) {
  if (reader->failed || size > reader->left) {
    reader->failed = true;
    return NULL;
  }
  const uint8_t* const bytes = reader->at;
  reader->at += (size_t)size;
  reader->left -= (size_t)size;
  return bytes;
}

uint64_t read_number(reader_t* reader, unsigned bytes) {
  const uint8_t* const at = read_bytes(reader, bytes);
  uint64_t value = 0;
  if (at == NULL) return 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8U * i);
  return value;
}

uint8_t* write_room(writer_t* writer, size_t size) {
  if (writer->failed || size > writer->capacity - writer->size) {
    writer->failed = true;
    return NULL;
  }
  uint8_t* const room = writer->data + writer->size;
  writer->size += size;
  return room;
}

void write_number(writer_t* writer, uint64_t value, unsigned bytes) {
  uint8_t* const room = write_room(writer, bytes);
  if (room == NULL) return;
  for (unsigned i = 0; i < bytes; i++) room[i] = (uint8_t)(value >> (8U * i));
}

void write_bytes(writer_t* writer, const void* data, size_t size) {
  uint8_t* const room = write_room(writer, size);
  if (room != NULL && size > 0) memcpy(room, data, size);
}
