#include "memory.h"

#include <string.h>

extern uint8_t board_stack_start[], board_stack_end[];
extern uint8_t board_data_start[], board_data_end[], board_data_image[];
extern uint8_t board_bss_start[], board_bss_end[];
extern uint8_t board_heap_start[], board_heap_end[];

static size_t between(const uint8_t* start, const uint8_t* end) {
  return (size_t)((uintptr_t)end - (uintptr_t)start);
}

void memory_init(void) {
  memcpy(board_data_start, board_data_image, between(board_data_start, board_data_end));
  memset(board_bss_start, 0, between(board_bss_start, board_bss_end));
}

void memory_describe(board_memory_t* memory) {
  memory->start = board_heap_start;
  memory->size = between(board_heap_start, board_heap_end);
  memory->stack = board_stack_start;
  memory->stack_size = between(board_stack_start, board_stack_end);
  memory->variables = between(board_data_start, board_data_end) + between(board_bss_start, board_bss_end);
}
