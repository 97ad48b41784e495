/*
 * Memory in blocks that are freed in any order, with the most that was in use. First fit; neighbours that are free become one.
 * No pointer that comes from the host is trusted: blocks are found by walking over all.
 */
#ifndef TVM_NODE_BOARD_ARENA_H_
#define TVM_NODE_BOARD_ARENA_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all blocks; code with vector operations needs more. */
#ifndef ARENA_ALIGNMENT
#define ARENA_ALIGNMENT 16U
#endif

void arena_init(uint8_t* start, size_t size);

/* A block of at least `size` bytes, or NULL. */
void* arena_allocate(uint64_t size);

/* False when `memory` is no block of the arena. */
bool arena_free(const void* memory);

/* Whether all of `size` bytes from `address` on are within one block that is in use. */
bool arena_holds(uint64_t address, uint64_t size);

/* Frees everything. The most that was in use stays. */
void arena_clear(void);

size_t arena_size(void);
size_t arena_used(void);
size_t arena_peak(void);

#endif /* TVM_NODE_BOARD_ARENA_H_ */
