#include "stack.h"

static const uint8_t kPattern = 0xA5;
/* Left alone below the frame of the function that fills. */
enum { MARGIN = 512 };

static volatile uint8_t* lowest;
static size_t total;

void stack_watch(uint8_t* start, size_t size) {
  volatile uint8_t here = 0;
  lowest = start;
  total = size;
  if (size == 0) return;
  const uintptr_t end = (uintptr_t)&here - MARGIN;
  for (uintptr_t at = (uintptr_t)start; at < end; at++) *(volatile uint8_t*)at = kPattern;
}

void stack_usage(size_t* size, size_t* peak) {
  size_t untouched = 0;
  while (untouched < total && lowest[untouched] == kPattern) untouched++;
  *size = total;
  *peak = total - untouched;
}
