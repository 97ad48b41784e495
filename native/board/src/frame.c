#include "frame.h"

#include "board.h"

enum { ESCAPE = 0xFF, NOTHING = 0xFE, START = 0xFD };
enum { OUTSIDE, LENGTH, PAYLOAD, CHECKSUM };
static const uint16_t kInitial = 0xFFFF;

/* By four bits at a time: 32 bytes of table. */
static uint16_t add_byte(uint16_t checksum, uint8_t byte) {
  static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                     0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
  checksum = (uint16_t)((checksum << 4) ^ table[(checksum >> 12) ^ (byte >> 4)]);
  return (uint16_t)((checksum << 4) ^ table[(checksum >> 12) ^ (byte & 15U)]);
}

uint16_t frame_checksum(uint16_t checksum, const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; i++) checksum = add_byte(checksum, data[i]);
  return checksum;
}

void frame_reader_init(frame_reader_t* reader, uint8_t* payload, size_t capacity) {
  *reader = (frame_reader_t){.payload = payload, .capacity = capacity, .state = OUTSIDE};
}

static void begin(frame_reader_t* reader) {
  static const uint8_t start[] = {ESCAPE, START};
  reader->state = LENGTH;
  reader->size = 0;
  reader->field_size = 0;
  reader->length = 0;
  reader->checksum_sent = 0;
  reader->checksum = frame_checksum(kInitial, start, sizeof start);
}

static frame_event_t leave(frame_reader_t* reader, frame_event_t event) {
  reader->state = OUTSIDE;
  reader->escaped = false;
  return event;
}

static frame_event_t take(frame_reader_t* reader, uint8_t byte) {
  switch (reader->state) {
    case LENGTH:
      reader->length |= (uint32_t)byte << (8U * reader->field_size);
      if (++reader->field_size < 4) return FRAME_NONE;
      reader->field_size = 0;
      if (reader->length > reader->capacity) return leave(reader, FRAME_DAMAGED);
      reader->state = reader->length > 0 ? PAYLOAD : CHECKSUM;
      return FRAME_NONE;
    case PAYLOAD:
      reader->payload[reader->size++] = byte;
      if (reader->size == reader->length) reader->state = CHECKSUM;
      return FRAME_NONE;
    case CHECKSUM:
      reader->checksum_sent |= (uint16_t)(byte << (8U * reader->field_size));
      if (++reader->field_size < 2) return FRAME_NONE;
      return leave(reader, reader->checksum_sent == reader->checksum ? FRAME_COMPLETE : FRAME_DAMAGED);
    default:
      return FRAME_NONE;
  }
}

static frame_event_t read_byte(frame_reader_t* reader, uint8_t byte) {
  /* The sum is over bytes as they are sent, up to the end of the payload. */
  const bool summed = reader->state == LENGTH || reader->state == PAYLOAD;
  if (reader->escaped) {
    reader->escaped = false;
    if (byte == START) {
      begin(reader);
      return FRAME_NONE;
    }
    if (reader->state == OUTSIDE) return FRAME_NONE;
    if (summed) reader->checksum = add_byte(add_byte(reader->checksum, ESCAPE), byte);
    if (byte == NOTHING) return FRAME_NONE;
    return byte == ESCAPE ? take(reader, byte) : leave(reader, FRAME_DAMAGED);
  }
  if (byte == ESCAPE) {
    reader->escaped = true;
    return FRAME_NONE;
  }
  if (summed) reader->checksum = add_byte(reader->checksum, byte);
  return take(reader, byte);
}

frame_event_t frame_read(frame_reader_t* reader, const uint8_t* data, size_t size, size_t* used) {
  frame_event_t event = FRAME_NONE;
  size_t i = 0;
  while (i < size && event == FRAME_NONE) event = read_byte(reader, data[i++]);
  *used = i;
  return event;
}

/* Bytes wait here, so that a port gets many at a time. */
typedef struct {
  uint8_t data[128];
  size_t size;
  uint16_t checksum;
} sender_t;

static void flush(sender_t* sender) {
  port_write(sender->data, sender->size);
  sender->checksum = frame_checksum(sender->checksum, sender->data, sender->size);
  sender->size = 0;
}

static void send_escaped(sender_t* sender, const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (sender->size + 2 > sizeof sender->data) flush(sender);
    sender->data[sender->size++] = data[i];
    if (data[i] == ESCAPE) sender->data[sender->size++] = ESCAPE;
  }
}

void frame_write(const uint8_t* head, size_t head_size, const uint8_t* body, size_t body_size) {
  sender_t sender = {.data = {ESCAPE, START}, .size = 2, .checksum = kInitial};
  const uint32_t length = (uint32_t)(head_size + body_size);
  const uint8_t length_bytes[4] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16),
                                   (uint8_t)(length >> 24)};
  send_escaped(&sender, length_bytes, sizeof length_bytes);
  send_escaped(&sender, head, head_size);
  send_escaped(&sender, body, body_size);
  /* Sent together with what waits, unless there is no room for it. */
  const uint16_t checksum = frame_checksum(sender.checksum, sender.data, sender.size);
  const uint8_t checksum_bytes[2] = {(uint8_t)checksum, (uint8_t)(checksum >> 8)};
  send_escaped(&sender, checksum_bytes, sizeof checksum_bytes);
  flush(&sender);
}

void frame_write_reset(void) {
  static const uint8_t nothing[] = {NOTHING};
  port_write(nothing, sizeof nothing);
}
