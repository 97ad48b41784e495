#include "arena.h"
#include "board.h"
#include "functions.h"
#include "stack.h"

int main(int argc, char** argv) {
  board_memory_t memory = {0};
  port_start(argc, argv, &memory);
  arena_init(memory.start, memory.size);
  stack_watch(memory.stack, memory.stack_size);
  note_variables(memory.variables);
  if (board_prologue != NULL) board_prologue();
  board_serve();
  if (board_epilogue != NULL) board_epilogue();
  port_stop(0);
  return 0;
}
