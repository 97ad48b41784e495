#include "requests.h"

#include <string.h>

#include "call.h"
#include "model.h"
#include "wire.h"

enum { CALL_FUNCTION = 3, COPY_FROM = 6, COPY_TO = 7, CODES = 23 };
enum { KINDS = 5, INDICES = 12 };

static const char* const names[] = {
    "runtime.SystemLib", "tvm.rpc.server.ModuleGetFunction", "tvm.rpc.server.GetCRTMaxPacketSize",
    "runtime.RPCTimeEvaluator", "tvm.contrib.random.random_fill", "tvm.aot_executor.create",
    "tvm_node.board.statistics", "work", "ask", "default", "run", "get_input", "get_output", "set_input", "x", "",
    "get_input_name", "load_params"};
static const int codes[] = {kTVMArgInt, ARG_UINT, ARG_BOOL, kTVMArgFloat, kTVMOpaqueHandle, ARG_MODULE, ARG_FUNCTION,
                            kTVMNullptr, ARG_DTYPE, ARG_DEVICE, ARG_OBJECT, kTVMDLTensorHandle, kTVMStr, ARG_BYTES, 13};
enum { NAMES = sizeof names / sizeof names[0], ARGUMENT_CODES = sizeof codes / sizeof codes[0] };

static uint8_t choose(choices_t* choices) {
  if (choices->left == 0) return 0;
  choices->left--;
  return *choices->at++;
}

static uint64_t choose_number(choices_t* choices, uint64_t known) {
  switch (choose(choices) % 8) {
    case 0:
      return known;
    case 1:
      return (uintptr_t)model_inputs[0].data;
    case 2:
      return 0x8000U + choose(choices) % 3U;
    case 3:
      return UINT64_MAX - choose(choices);
    case 4:
      return (uint64_t)choose(choices) << (choose(choices) % 64U);
    case 5:
      return known + choose(choices);
    default:
      return choose(choices) % 20U;
  }
}

static void write_tensor(choices_t* choices, uint64_t known, writer_t* writer) {
  static const uint8_t bits[] = {8, 32, 64, 1, 255};
  const int32_t ndim = choose(choices) % 5;
  write_u64(writer, choose_number(choices, known));
  write_i32(writer, 1);
  write_i32(writer, 0);
  write_i32(writer, choose(choices) % 32 == 0 ? (int32_t)choose_number(choices, known) : ndim);
  write_number(writer, choose(choices) % 4U, 1);
  write_number(writer, bits[choose(choices) % sizeof bits], 1);
  write_number(writer, 1U + choose(choices) % 2U, 2);
  for (int32_t i = 0; i < ndim; i++) write_u64(writer, choose_number(choices, known));
  write_u64(writer, choose(choices) % 4 == 0 ? choose_number(choices, known) : 0);
}

static void write_text(choices_t* choices, writer_t* writer) {
  const char* const name = names[choose(choices) % NAMES];
  write_u64(writer, strlen(name));
  write_bytes(writer, name, strlen(name));
}

static void write_argument(choices_t* choices, uint64_t known, int code, writer_t* writer) {
  switch (code) {
    case kTVMNullptr:
      return;
    case ARG_DTYPE:
    case ARG_DEVICE:
      write_u64(writer, choose_number(choices, known));
      return;
    case ARG_OBJECT:
      write_i32(writer, 1);
      write_u64(writer, choose_number(choices, known));
      return;
    case kTVMDLTensorHandle:
      write_tensor(choices, known, writer);
      return;
    case kTVMStr:
    case ARG_BYTES:
      write_text(choices, writer);
      return;
    default:
      write_u64(writer, choose_number(choices, known));
  }
}

/* A module and a name, then numbers: what functions that find or time others take. */
static void write_like_a_timing(choices_t* choices, uint64_t known, writer_t* writer) {
  const int32_t count = choose(choices) % 2 == 0 ? 2 : 10;
  write_i32(writer, count);
  for (int32_t i = 0; i < count; i++)
    write_i32(writer, i == 0 ? ARG_MODULE : i == 1 ? kTVMStr : kTVMArgInt);
  write_u64(writer, 0x8000U + choose(choices) % 2U);
  write_text(choices, writer);
  for (int32_t i = 2; i < count; i++) {
    const uint8_t choice = choose(choices);
    /* What is called very often takes long, as the host wanted. */
    write_u64(writer, choice < 250 ? choice % 4U : UINT64_MAX - choice);
  }
}

static void write_arguments(choices_t* choices, uint64_t known, writer_t* writer) {
  const uint8_t choice = choose(choices);
  if (choice % 4 == 0) {
    write_like_a_timing(choices, known, writer);
    return;
  }
  const int32_t count = choice / 4 % 8;
  int kinds[8];
  write_i32(writer, choice == 255 ? 1000 : count);
  for (int32_t i = 0; i < count; i++) {
    kinds[i] = codes[choose(choices) % ARGUMENT_CODES];
    write_i32(writer, kinds[i]);
  }
  for (int32_t i = 0; i < count; i++) write_argument(choices, known, kinds[i], writer);
}

size_t make_request(choices_t* choices, uint64_t known, uint8_t request[MOST_REQUEST_BYTES]) {
  writer_t writer = {.data = request, .capacity = MOST_REQUEST_BYTES};
  const uint8_t choice = choose(choices);
  const int32_t code = choice % 2 == 0 ? CALL_FUNCTION : choice / 2 % CODES;
  write_u64(&writer, 0);
  write_i32(&writer, code);
  if (code == COPY_FROM || code == COPY_TO) {
    const uint64_t bytes = choose(choices) % 64U;
    write_tensor(choices, known, &writer);
    write_u64(&writer, choose(choices) % 8 == 0 ? choose_number(choices, known) : bytes);
    for (uint64_t i = 0; code == COPY_TO && i < bytes; i++) write_number(&writer, choose(choices), 1);
  } else {
    if (code == CALL_FUNCTION)
      write_u64(&writer, (uint64_t)(choose(choices) % KINDS) << 16 | choose(choices) % INDICES);
    write_arguments(choices, known, &writer);
  }
  writer_t length = {.data = request, .capacity = 8};
  write_u64(&length, writer.size - 8);
  return writer.size;
}
