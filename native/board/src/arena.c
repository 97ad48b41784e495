#include "arena.h"

/* Before each block. Sizes are those of the memory behind it, in multiples of the alignment. */
typedef struct {
  size_t size;
  size_t in_use;
} header_t;

enum { HEADER = ARENA_ALIGNMENT };
typedef char header_fits_before_block[sizeof(header_t) <= HEADER ? 1 : -1];

static uint8_t* start;
static size_t total;
static size_t used;
static size_t peak;

static header_t* header_at(size_t offset) { return (header_t*)(void*)(start + offset); }
static size_t after(size_t offset) { return offset + HEADER + header_at(offset)->size; }

void arena_init(uint8_t* memory, size_t size) {
  const size_t skip = (ARENA_ALIGNMENT - (uintptr_t)memory % ARENA_ALIGNMENT) % ARENA_ALIGNMENT;
  start = memory + (skip < size ? skip : 0);
  total = skip < size ? (size - skip) / ARENA_ALIGNMENT * ARENA_ALIGNMENT : 0;
  peak = 0;
  arena_clear();
}

void arena_clear(void) {
  used = 0;
  if (total < 2 * HEADER) {
    total = 0;
    return;
  }
  *header_at(0) = (header_t){.size = total - HEADER, .in_use = 0};
}

static void merge_free(size_t offset) {
  header_t* const header = header_at(offset);
  for (size_t next = after(offset); next < total && !header_at(next)->in_use; next = after(offset))
    header->size += HEADER + header_at(next)->size;
}

void* arena_allocate(uint64_t size) {
  if (size > total) return NULL;
  size_t wanted = ((size_t)size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
  if (wanted == 0) wanted = ARENA_ALIGNMENT;
  for (size_t offset = 0; offset < total; offset = after(offset)) {
    header_t* const header = header_at(offset);
    if (header->in_use) continue;
    merge_free(offset);
    if (header->size < wanted) continue;
    if (header->size - wanted >= 2 * HEADER) {
      *header_at(offset + HEADER + wanted) =
          (header_t){.size = header->size - wanted - HEADER, .in_use = 0};
      header->size = wanted;
    }
    header->in_use = 1;
    used += HEADER + header->size;
    if (used > peak) peak = used;
    return start + offset + HEADER;
  }
  return NULL;
}

bool arena_free(const void* memory) {
  for (size_t offset = 0; offset < total; offset = after(offset)) {
    header_t* const header = header_at(offset);
    if (!header->in_use || start + offset + HEADER != (const uint8_t*)memory) continue;
    header->in_use = 0;
    used -= HEADER + header->size;
    return true;
  }
  return false;
}

bool arena_holds(uint64_t address, uint64_t size) {
  for (size_t offset = 0; offset < total; offset = after(offset)) {
    const header_t* const header = header_at(offset);
    const uint64_t first = (uintptr_t)(start + offset + HEADER);
    if (!header->in_use || address < first || address - first > header->size) continue;
    return size <= header->size - (address - first);
  }
  return false;
}

size_t arena_size(void) { return total; }
size_t arena_used(void) { return used; }
size_t arena_peak(void) { return peak; }
