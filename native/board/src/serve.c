#include "arena.h"
#include "board.h"
#include "board_config.h"
#include "frame.h"
#include "rpc.h"
#include "session.h"

static uint8_t message[BOARD_MESSAGE_BYTES];
static uint8_t answer_bytes[BOARD_MESSAGE_BYTES - SESSION_HEADER];
static frame_reader_t frames;

static void serve_message(void) {
  bool began = false;
  if (session_receive(message, frames.size, &began)) {
    writer_t answer = {.data = answer_bytes, .capacity = sizeof answer_bytes};
    const rpc_end_t end =
        rpc_serve(message + SESSION_HEADER, frames.size - SESSION_HEADER, &answer);
    if (end == RPC_ANSWER) session_reply(answer_bytes, answer.size);
    else rpc_reset();
  }
  if (began) rpc_reset();
}

/* The host waits for an answer that will not come; only the end of the session wakes it. */
static void refuse_damaged(void) {
  board_log("a frame arrived damaged; the session ends");
  session_end();
}

static void take(const uint8_t* data, size_t size) {
  while (size > 0) {
    size_t used = 0;
    const frame_event_t event = frame_read(&frames, data, size, &used);
    if (event == FRAME_COMPLETE) serve_message();
    if (event == FRAME_DAMAGED) refuse_damaged();
    data += used;
    size -= used;
  }
}

void board_serve(void) {
  uint8_t bytes[256];
  frame_reader_init(&frames, message, sizeof message);
  rpc_reset();
  session_start();
  for (size_t size = port_read(bytes, sizeof bytes); size > 0; size = port_read(bytes, sizeof bytes))
    take(bytes, size);
}
