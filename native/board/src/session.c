#include "session.h"

#include <string.h>

#include "board.h"
#include "frame.h"

enum { INIT = 0x00, REPLY = 0x01, TERMINATE = 0x02, LOG = 0x03, NORMAL = 0x10 };
enum { VERSION = 1 };
enum { LONGEST_LOG = 1023 };

/* Of the session; 0 when there is none. */
static uint16_t session_id;
static uint8_t last_nonce;

static void send(uint16_t id, uint8_t type, const uint8_t* body, size_t size) {
  const uint8_t header[SESSION_HEADER] = {(uint8_t)id, (uint8_t)(id >> 8), type};
  frame_write(header, sizeof header, body, size);
}

/* Never 0, and never the one before. */
static uint8_t next_nonce(void) {
  const uint8_t step = (uint8_t)(1U + port_ticks() % 254U);
  last_nonce = (uint8_t)(1U + (last_nonce - 1U + step) % 255U);
  return last_nonce;
}

void session_start(void) {
  last_nonce = 1;
  frame_write_reset();
  session_end();
}

void session_end(void) {
  session_id = 0;
  send(0, TERMINATE, NULL, 0);
}

void session_log(const char* text, size_t size) {
  if (size == 0) return;
  send(0, LOG, (const uint8_t*)text, size < LONGEST_LOG ? size : LONGEST_LOG);
}

void board_log(const char* text) { session_log(text, strlen(text)); }

static bool begin(uint8_t initiator) {
  static const uint8_t version = VERSION;
  session_id = (uint16_t)(initiator | next_nonce() << 8);
  send(session_id, REPLY, &version, 1);
  return true;
}

bool session_receive(const uint8_t* message, size_t size, bool* began) {
  *began = false;
  if (size < SESSION_HEADER) return false;
  const uint16_t id = (uint16_t)(message[0] | message[1] << 8);
  const size_t body = size - SESSION_HEADER;
  switch (message[2]) {
    case INIT:
      if (message[0] != 0 && body >= 1 && message[SESSION_HEADER] == VERSION) *began = begin(message[0]);
      return false;
    case TERMINATE:
      session_id = 0;
      return false;
    case NORMAL:
      return session_id != 0 && id == session_id;
    default:
      return false;
  }
}

void session_reply(const uint8_t* packet, size_t size) {
  if (session_id != 0) send(session_id, NORMAL, packet, size);
}
